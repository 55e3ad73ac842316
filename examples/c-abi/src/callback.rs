//! Functions of the caller's, and what they are called with.

use std::ffi::{c_char, c_void};

/// Called once when the library has no more use for `userdata`, on whichever thread that is. May be NULL.
pub type Release = Option<extern "C" fn(userdata: *mut c_void)>;

/// What a callback is given back, untouched.
pub(crate) struct Userdata {
    pointer: *mut c_void,
    release: Release,
}

// SAFETY: the library never looks behind the pointer. That it may be used on the threads that each callback
// names is demanded of the caller by the header.
unsafe impl Send for Userdata {}
// SAFETY: as above; callbacks that may run on several threads at once say so.
unsafe impl Sync for Userdata {}

impl Userdata {
    pub(crate) fn new(pointer: *mut c_void, release: Release) -> Self {
        Self { pointer, release }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            release(self.pointer);
        }
    }
}

/// Text as callbacks are given it: not NUL-terminated, and theirs until they return.
pub(crate) fn shown(text: &str) -> (*const c_char, usize) {
    (text.as_ptr().cast(), text.len())
}
