//! Limits how many tests run servers at the same time.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

/// How many tests may have servers at the same time
const AT_ONCE: usize = 3;

static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static FREED: Condvar = Condvar::new();

thread_local! {
    static MINE: RefCell<Weak<Held>> = const { RefCell::new(Weak::new()) };
}

/// The permit to run servers. A test (a thread) that has one gets it again without waiting: otherwise tests with one
/// server each could deadlock.
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
