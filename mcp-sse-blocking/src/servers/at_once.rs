//! The same work for several things at the same time.

use std::thread;

/// Does `work` with each item, on a thread each, and gives the results in their order. What gets no thread is done on this
/// one.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let started: Vec<_> = items
            .iter()
            .map(|item| thread::Builder::new().name("mcp-servers".into()).spawn_scoped(scope, move || work(item)))
            .collect();
        let finish = |(item, thread): (&T, std::io::Result<thread::ScopedJoinHandle<'_, R>>)| match thread {
            // A panic is the work's own, which runs code of the caller's; it goes on where it would have without the thread.
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => work(item),
        };
        items.iter().zip(started).map(finish).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn all_run_at_the_same_time_and_answer_in_order() {
        let together = Barrier::new(3);
        let doubled = at_once(&[1, 2, 3], |number| {
            together.wait();
            number * 2
        });
        assert_eq!(doubled, [2, 4, 6]);
    }
}
