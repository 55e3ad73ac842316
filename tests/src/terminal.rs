//! A terminal with a program in it, as a person would sit at: a pseudo terminal of a given width.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use nix::pty::{Winsize, openpty};

use crate::process::BOUND;

/// A program whose input and outputs are a terminal; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<String>,
    seen: String,
}

impl Terminal {
    /// Starts `command` in a terminal of so many columns, with colours.
    ///
    /// # Panics
    /// When there are no pseudo terminals, or the program cannot be started.
    pub fn start(command: &mut Command, columns: u16) -> Self {
        Self::start_with(command, columns, &[])
    }

    /// The same with further variables.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(command: &mut Command, columns: u16, variables: &[(&str, &str)]) -> Self {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("a pseudo terminal");
        let end = || File::from(pair.slave.try_clone().expect("another handle"));
        command.env("TERM", "xterm").env_remove("NO_COLOR").envs(variables.iter().copied());
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("the program starts");
        // The command holds its handles: with the last of them the terminal ends.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        drop(pair.slave);
        let keyboard = File::from(pair.master.try_clone().expect("another handle"));
        let (shown, screen) = crossbeam_channel::unbounded();
        let mut master = File::from(pair.master);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is the end: the last program has closed the terminal.
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                if shown.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, seen: String::new() }
    }

    /// Waits until this has been shown, beginning where the last wait ended.
    ///
    /// # Panics
    /// When it is not within [`BOUND`].
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + BOUND;
        while !self.seen.contains(text) {
            match self.screen.recv_deadline(deadline) {
                Ok(more) => self.seen += &more,
                Err(why) => panic!("`{text}` is not shown ({why}), but: {:?}", self.seen),
            }
        }
    }

    /// Types this.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn enter(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Ctrl-C.
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot interrupt");
    }

    /// Waits for the end; the exit code, and all that was ever shown.
    ///
    /// # Panics
    /// When it does not end within [`BOUND`].
    pub fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + BOUND;
        loop {
            match self.screen.recv_deadline(deadline) {
                Ok(more) => self.seen += &more,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:?}", self.seen),
            }
        }
        let code = self.child.wait().expect("its end").code();
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails only for a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was shown without colours and without what moves the cursor: every line that was ever on the screen.
pub fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once('\x1b') {
        text += before;
        let end = after.find(|character: char| character.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    text += rest;
    text.replace('\r', "\n")
}
