//! Bounds how many servers run at once, by how many tests have any.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

/// Tests that may have servers at the same time
const AT_ONCE: usize = 3;

static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static FREED: Condvar = Condvar::new();

thread_local! {
    static MINE: RefCell<Weak<Held>> = const { RefCell::new(Weak::new()) };
}

/// The right to run servers. A test (a thread) that has one gets it again for the asking: were each server to wait
/// for its own, tests that have one each could wait for each other's.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held;

impl Permit {
    pub(super) fn take() -> Self {
        MINE.with_borrow_mut(|mine| {
            let held = mine.upgrade().unwrap_or_else(|| Arc::new(Held::wait()));
            *mine = Arc::downgrade(&held);
            Self { _held: held }
        })
    }
}

impl Held {
    fn wait() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREED.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}
