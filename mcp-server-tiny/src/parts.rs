//! Parts of the server that a program can be built without, for devices with little flash.
//!
//! A part is a type, and a value of it says that the part is there. Whatever exists only with the part carries the value: a
//! verdict on a request, a phase of a connection, the name of an event. Without its feature the type has no values. Then nothing
//! that carries one can be made, and the compiler leaves out the code that would handle it, although it still checks it. So
//! whether a part is there is asked in this file and nowhere else.

/// Declares a part and the feature it comes with.
macro_rules! part {
    ($(#[$doc:meta])* $part:ident, $feature:literal) => {
        $(#[$doc])*
        #[cfg(feature = $feature)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $part(());

        $(#[$doc])*
        #[cfg(not(feature = $feature))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $part {}

        impl $part {
            /// The part, in programs that have it.
            #[cfg(feature = $feature)]
            pub(crate) const BUILT: Option<Self> = Some(Self(()));
            /// The part, in programs that have it.
            #[cfg(not(feature = $feature))]
            pub(crate) const BUILT: Option<Self> = None;
        }
    };
}

part! {
    /// The carrier HTTP+SSE (2024-11-05).
    HttpSse, "http-sse"
}

part! {
    /// Streams of clients that listen over Streamable HTTP: opened by a GET (R-SH-19), gone on with after a loss (R-SH-29), or
    /// asked for by `subscriptions/listen` (R-ST-39).
    Listening, "listening"
}
