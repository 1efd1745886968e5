//! Compares two builds of the same distribution: which members differ, how, and what usually causes it.

mod archive;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use archive::Archive;
use archive::Member;

use super::comparison::examples;

/// How two builds of a distribution differ
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Members are missing in the second one
    Missing,
    /// Members are in the second one only
    Added,
    /// Members have other bytes
    Bytes,
    Time,
    Mode,
    Owner,
    /// Members are compressed in another way
    Packing,
    /// The same members come in another order
    Order,
    /// The archive itself differs, outside its members
    Envelope,
}

/// One way in which two builds differ
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub how: Difference,
    pub members: Vec<String>,
    /// What the first of the members has in both builds
    values: Option<(String, String)>,
}

/// What is compared of a member
type Aspect = fn(&Member) -> &str;

/// All ways in which two builds of a distribution differ.
pub fn deviations(first: &Archive, second: &Archive) -> Vec<Deviation> {
    let by_path = |archive: &'_ Archive| -> BTreeMap<String, Member> {
        archive.members.iter().map(|member| (member.path.clone(), member.clone())).collect()
    };
    let (ours, theirs) = (by_path(first), by_path(second));
    let only = |these: &BTreeMap<String, Member>, those: &BTreeMap<String, Member>| -> Vec<String> {
        these.keys().filter(|path| !those.contains_key(*path)).cloned().collect()
    };
    let mut found = Vec::new();
    let mut add = |how, members: Vec<String>, values| {
        if !members.is_empty() {
            found.push(Deviation { how, members, values });
        }
    };
    let (missing, added) = (only(&ours, &theirs), only(&theirs, &ours));
    let has_same_members = missing.is_empty() && added.is_empty();
    add(Difference::Missing, missing, None);
    add(Difference::Added, added, None);
    let both: Vec<(&Member, &Member)> =
        ours.iter().filter_map(|(path, member)| Some((member, theirs.get(path)?))).collect();
    let aspects: [(Difference, Aspect); 5] = [
        (Difference::Bytes, |member| &member.content),
        (Difference::Time, |member| &member.modified),
        (Difference::Mode, |member| &member.mode),
        (Difference::Owner, |member| &member.owner),
        (Difference::Packing, |member| &member.packing),
    ];
    for (how, aspect) in aspects {
        let mut differing: Vec<_> = both.iter().filter(|(one, other)| aspect(one) != aspect(other)).collect();
        // Other bytes are compressed otherwise.
        if how == Difference::Packing {
            differing.retain(|(one, other)| one.content == other.content);
        }
        // Its bytes follow from those of the others.
        if how == Difference::Bytes && differing.len() > 1 {
            differing.retain(|(one, _)| !one.path.ends_with(".dist-info/RECORD"));
        }
        let values = differing.first().map(|(one, other)| (aspect(one).to_owned(), aspect(other).to_owned()));
        add(how, differing.iter().map(|(one, _)| one.path.clone()).collect(), values);
    }
    let order = |archive: &Archive| -> Vec<String> {
        archive.members.iter().map(|member| member.path.clone()).collect()
    };
    let (one, other) = (order(first), order(second));
    if has_same_members && one != other {
        let displaced = one.into_iter().zip(other).find(|(one, other)| one != other);
        add(Difference::Order, displaced.into_iter().map(|(one, _)| one).collect(), None);
    }
    if first.envelope != second.envelope {
        let values = (first.envelope.clone(), second.envelope.clone());
        add(Difference::Envelope, vec![String::new()], Some(values));
    }
    found
}

impl Deviation {
    /// What usually causes it, and what to do.
    pub fn causes(&self) -> BTreeSet<&'static str> {
        let of = |path: &String| match self.how {
            Difference::Missing | Difference::Added => {
                "the build depends on files that are not committed, or that an earlier build left"
            }
            Difference::Bytes => of_bytes(path),
            Difference::Time | Difference::Envelope => {
                "the build backend writes the time of the build or of the files; use a backend, or a version of it, \
                 that honours SOURCE_DATE_EPOCH"
            }
            Difference::Mode => {
                "modes follow the umask and the checkout; use a build backend that normalises them"
            }
            Difference::Owner => "the archive names the user who builds; use a build backend that does not",
            Difference::Packing => "the members are compressed by other versions or settings of zlib",
            Difference::Order => {
                "files are listed in the order of the file system, of the locale or of a set; sort them"
            }
        };
        self.members.iter().map(of).collect()
    }
}

fn of_bytes(path: &str) -> &'static str {
    let is_native = [".so", ".pyd", ".dll", ".dylib", ".a", ".o"].iter().any(|ending| path.ends_with(ending));
    if is_native {
        "compilers write folders and times into native code: leave out `__DATE__` and `__TIME__`, and map the folder \
         with `-ffile-prefix-map`"
    } else if path.ends_with(".pyc") {
        "bytecode has the time of its source; leave it out"
    } else {
        "a generated file has a time, a folder, a locale or the order of a set in it"
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = examples(&self.members);
        match self.how {
            Difference::Missing => write!(f, "no {members}")?,
            Difference::Added => write!(f, "{members} in addition")?,
            Difference::Bytes => return write!(f, "other bytes in {members}"),
            Difference::Time => write!(f, "another time of {members}")?,
            Difference::Mode => write!(f, "another mode of {members}")?,
            Difference::Owner => write!(f, "another owner of {members}")?,
            Difference::Packing => write!(f, "another compression of {members}")?,
            Difference::Order => write!(f, "another order of members, from {members} on")?,
            Difference::Envelope => write!(f, "another gzip header")?,
        }
        match &self.values {
            Some((one, other)) => write!(f, " ({one}, then {other})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str) -> Member {
        Member {
            path: path.to_owned(),
            content: "1".to_owned(),
            modified: "then".to_owned(),
            mode: "644".to_owned(),
            owner: "0/0".to_owned(),
            packing: String::new(),
        }
    }

    fn archive(members: &[Member]) -> Archive {
        Archive { envelope: String::new(), members: members.to_vec() }
    }

    #[test]
    fn each_way_to_differ_is_named() {
        let (a, b, record) = (member("a.py"), member("b.so"), member("x.dist-info/RECORD"));
        let first = archive(&[a.clone(), b.clone(), record.clone()]);
        assert_eq!(deviations(&first, &first), []);
        let bytes = |one: &Member| Member { content: "2".to_owned(), ..one.clone() };
        let cases: [(Archive, &str); 7] = [
            (archive(&[a.clone(), bytes(&b), bytes(&record)]), "other bytes in b.so"),
            (archive(&[a.clone(), b.clone()]), "no x.dist-info/RECORD"),
            (archive(&[a.clone(), b.clone(), record.clone(), member("c.py")]), "c.py in addition"),
            (
                archive(&[Member { modified: "now".into(), ..a.clone() }, b.clone(), record.clone()]),
                "another time of a.py (then, then now)",
            ),
            (
                archive(&[a.clone(), Member { mode: "640".into(), ..b.clone() }, record.clone()]),
                "another mode of b.so (644, then 640)",
            ),
            (archive(&[b.clone(), a.clone(), record.clone()]), "another order of members, from a.py on"),
            (
                Archive { envelope: "later".into(), ..archive(&[a, b, record]) },
                "another gzip header (, then later)",
            ),
        ];
        for (second, expected) in cases {
            let found = deviations(&first, &second);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
            assert_eq!(found[0].causes().len(), 1);
        }
    }
}
