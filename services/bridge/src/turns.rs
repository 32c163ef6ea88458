//! Turns at the collectors: so many queries are asked at one time, in all commands that answer to one queue, and where more wait,
//! investigations take turns. So one with a thousand commands does not keep another one from its first.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Turns; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    /// Whose turn is next; each that waits is in it once.
    order: VecDeque<String>,
    waiting: BTreeMap<String, VecDeque<oneshot::Sender<Turn>>>,
}

/// A turn; the next one has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<Turns>);

impl Default for Turns {
    fn default() -> Self {
        Self::new(32)
    }
}

impl Turns {
    /// So many at one time.
    #[must_use]
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: at_once, order: VecDeque::new(), waiting: BTreeMap::new() })))
    }

    /// Waits for a turn. Whoever does not wait any more has none.
    pub(crate) async fn take(&self, investigation: &str) -> Turn {
        loop {
            let told = {
                let mut state = self.state();
                if state.free > 0 {
                    state.free -= 1;
                    return Turn(Some(self.clone()));
                }
                state.enqueue(investigation)
            };
            if let Ok(turn) = told.await {
                return turn;
            }
        }
    }

    /// A turn is over: it is passed on, or free.
    fn over(&self) {
        while let Some(next) = self.next() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // That one does not wait any more; and this turn was none.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    /// Who is next; where nobody is, the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.state();
        let next = state.dequeue();
        state.free += usize::from(next.is_none());
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, investigation: &str) -> oneshot::Receiver<Turn> {
        let (tell, told) = oneshot::channel();
        let waiting = self.waiting.entry(investigation.to_owned()).or_default();
        if waiting.is_empty() {
            self.order.push_back(investigation.to_owned());
        }
        waiting.push_back(tell);
        told
    }

    fn dequeue(&mut self) -> Option<oneshot::Sender<Turn>> {
        let investigation = self.order.pop_front()?;
        let waiting = self.waiting.get_mut(&investigation)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&investigation);
        } else {
            self.order.push_back(investigation);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.over();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::HashMap};

    use futures::{FutureExt as _, future::join_all};
    use proptest::prelude::*;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn an_investigation_with_many_queries_does_not_keep_others_from_their_turn() {
        let (turns, had) = (Turns::new(2), RefCell::new(Vec::new()));
        let ask = async |investigation: &'static str| {
            let _turn = turns.take(investigation).await;
            had.borrow_mut().push(investigation);
            yield_now().await;
        };
        join_all((0..100).map(|_| ask("many")).chain([ask("one"), ask("other")])).await;
        let place = |name| had.borrow().iter().position(|had| *had == name).unwrap();
        assert!(place("one") <= 6 && place("other") <= 6, "{} {}", place("one"), place("other"));
        assert_eq!((had.borrow().len(), turns.state().free), (102, 2));
    }

    #[tokio::test]
    async fn whoever_does_not_wait_any_more_keeps_no_turn() {
        let turns = Turns::new(1);
        let held = turns.take("a").await;
        let mut gone = Box::pin(turns.take("b"));
        let mut given = Box::pin(turns.take("b"));
        assert!((&mut gone).now_or_never().is_none() && (&mut given).now_or_never().is_none());
        drop(gone);
        drop(held);
        // It was given the turn, and goes before it could take it.
        drop(given);
        assert!(turns.take("c").now_or_never().is_some());
        assert_eq!(turns.state().free, 1);
    }

    proptest! {
        #[test]
        fn all_are_served_and_never_more_at_one_time(
            at_once in 1_usize..5,
            asks in prop::collection::vec((0_u8..4, 0_u8..4), 0..60),
        ) {
            let turns = Turns::new(at_once);
            let counts = RefCell::new((0, 0, HashMap::new()));
            let ask = async |(investigation, polls): (u8, u8)| {
                let _turn = turns.take(&investigation.to_string()).await;
                {
                    let (now, most, _) = &mut *counts.borrow_mut();
                    *now += 1;
                    *most = (*most).max(*now);
                }
                for _ in 0..polls {
                    yield_now().await;
                }
                let (now, _, served) = &mut *counts.borrow_mut();
                *now -= 1;
                *served.entry(investigation).or_insert(0) += 1;
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(join_all(asks.iter().copied().map(ask)));
            let (_, most, served) = counts.into_inner();
            prop_assert!(most <= at_once);
            prop_assert_eq!(served.values().sum::<usize>(), asks.len());
            prop_assert_eq!(turns.state().free, at_once);
            prop_assert!(turns.state().waiting.is_empty() && turns.state().order.is_empty());
        }
    }
}
