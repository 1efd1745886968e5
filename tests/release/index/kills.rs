//! An index that is killed while clients upload: what it confirmed is there afterwards, whole, and nothing that is not.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pyrelease::world::sha256;
use pyrelease_test_support::distribution::package;

use super::{ServedIndex, send};
use crate::faults::random::Random;

/// The uploads of a test, shared by its clients
struct Work {
    /// Those that are still to be done: the file and the request
    open: Mutex<Vec<(String, Vec<u8>)>>,
    confirmed: Mutex<BTreeSet<String>>,
}

impl Work {
    /// Uploads until nothing is open; repeats what got no reply.
    fn upload(&self, port: u16) {
        loop {
            let next = self.open.lock().unwrap().pop();
            let Some((file, request)) = next else { return };
            match send(port, &request) {
                Some(reply) => {
                    reply.has(200);
                    self.confirmed.lock().unwrap().insert(file);
                }
                None => {
                    self.open.lock().unwrap().push((file, request));
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    fn confirmed(&self) -> BTreeSet<String> {
        self.confirmed.lock().unwrap().clone()
    }
}

/// Uploads wheels from several clients to an index that is killed at random moments.
fn kill(kills: u64, clients: usize, wheels: u64) {
    let mut random = Random::new(7);
    let mut index = ServedIndex::start(&[]);
    let (token, folder) = (index.token(), index.sandbox.root().join("dist"));
    fs_err::create_dir(&folder).unwrap();
    let mut hashes = BTreeMap::new();
    let requests = (0..wheels).map(|number| {
        let module = "x".repeat(random.below(200_000) as usize);
        let file = package(&folder, "demo", &format!("1.{number}"), "any", &format!("X = '{module}'\n"));
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        hashes.insert(name.clone(), sha256(&file).unwrap().0);
        (name, index.upload_request(&token, &file, &[]))
    });
    let open = Mutex::new(requests.collect());
    let work = Work { open, confirmed: Mutex::default() };
    let port = index.port;

    thread::scope(|scope| {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(|| work.upload(port))).collect();
        for number in 0..kills {
            let enough = (wheels * number / kills) as usize;
            while work.confirmed().len() < enough && running.iter().any(|client| !client.is_finished()) {
                thread::sleep(Duration::from_micros(200));
            }
            thread::sleep(Duration::from_micros(random.below(8_000)));
            index.end("KILL");
            let confirmed = work.confirmed();
            index.run();
            let listed = index.listed("demo");
            for name in &confirmed {
                assert!(listed.contains_key(name), "kill {number}: {name} was confirmed and is lost");
            }
            for (name, hash) in &listed {
                assert_eq!(hashes.get(name), Some(hash), "kill {number}: {name}");
                let stored = sha256(&index.folder().join("demo").join(name)).unwrap().0;
                assert_eq!(stored, *hash, "kill {number}: {name} is not whole");
            }
        }
    });
    assert_eq!(index.listed("demo"), hashes, "everything arrived in the end");
    let left = fs_err::read_dir(index.folder().join(".incoming")).unwrap().count();
    assert_eq!(left, 0, "incomplete uploads are deleted");
}

#[test]
fn what_was_confirmed_is_there_after_a_kill_and_nothing_incomplete() {
    kill(20, 4, 40);
}
