//! Rules about members and links that leave the folder they are unpacked into. PyPI accepts all of them.

use std::collections::HashSet;

use super::{Rule, Violation};
use crate::python::archive::{Escape, MemberKind, escape_of_link, escape_of_member};
use crate::python::distribution::Kind;
use crate::python::verdict::Subject;

const WHY: &str = "PyPI accepts it, but unpacking it overwrites or reads files outside of the archive";

pub(super) const RULES: &[Rule] = &[
    Rule::stricter(
        "path-escapes",
        WHY,
        "every member is inside the folder that it is unpacked into",
        members,
    ),
    Rule::stricter("link-escapes", WHY, "every link leads into the top folder", links),
    Rule::stricter("behind-link", WHY, "no member's path goes through a link", behind_links),
    Rule::stricter(
        "special-file",
        "PyPI accepts it, but unpacking it needs privileges, and reading it may never end",
        "no member is a device or a pipe",
        special,
    ),
    Rule::stricter(
        "wheel-link",
        "installers write a file that contains the target's path",
        "a wheel has no links",
        wheel_links,
    )
    .warning(),
];

fn members(subject: &Subject) -> Vec<Violation> {
    // On Unix, a file of a source distribution may have a `\` in its name.
    let harmless = |escape| escape == Escape::Backslash && subject.kind == Some(Kind::Sdist);
    let members = subject.contents.members.iter();
    members
        .filter_map(|member| {
            let escape = escape_of_member(&member.path).filter(|escape| !harmless(*escape))?;
            Some(Violation::new(format!("the path of a member {}", escape.describe())).member(&member.path))
        })
        .collect()
}

/// The paths of the symbolic links.
fn symlinks<'a>(subject: &'a Subject) -> HashSet<&'a str> {
    let is_link = |kind: &MemberKind| matches!(kind, MemberKind::Symlink(_));
    let links = subject.contents.members.iter().filter(|member| is_link(&member.kind));
    links.map(|member| member.path.as_str()).collect()
}

fn links(subject: &Subject) -> Vec<Violation> {
    let links = symlinks(subject);
    let judged = |path: &str, kind: &MemberKind| {
        let top = path.split('/').next().unwrap_or_default();
        match kind {
            // Installers write an empty file for it.
            MemberKind::Symlink(target) if target.is_empty() && subject.kind == Some(Kind::Wheel) => None,
            MemberKind::Symlink(target) => {
                let from = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                Some((target.clone(), escape_of_link(target, from, top, &links)?))
            }
            MemberKind::Hardlink(target) => Some((target.clone(), escape_of_link(target, "", top, &links)?)),
            _ => None,
        }
    };
    let members = subject.contents.members.iter();
    members
        .filter_map(|member| {
            let (target, escape) = judged(&member.path, &member.kind)?;
            let target: String = target.chars().take(100).collect();
            let message = format!("the target `{}` of a link {}", target.escape_debug(), escape.describe());
            Some(Violation::new(message).member(&member.path))
        })
        .collect()
}

fn behind_links(subject: &Subject) -> Vec<Violation> {
    let links = symlinks(subject);
    if links.is_empty() {
        return Vec::new();
    }
    let behind = |path: &str| path.match_indices('/').any(|(at, _)| links.contains(&path[..at]));
    let members = subject.contents.members.iter().filter(|member| behind(&member.path));
    members.map(|member| Violation::new("a member's path goes through a link").member(&member.path)).collect()
}

fn special(subject: &Subject) -> Vec<Violation> {
    let members = subject.contents.members.iter();
    members
        .filter_map(|member| {
            let what = match member.kind {
                MemberKind::Device => "a device",
                MemberKind::Fifo => "a named pipe",
                _ => return None,
            };
            Some(Violation::new(format!("a member is {what}")).member(&member.path))
        })
        .collect()
}

fn wheel_links(subject: &Subject) -> Vec<Violation> {
    if subject.kind != Some(Kind::Wheel) {
        return Vec::new();
    }
    let links = symlinks(subject).into_iter();
    let mut links: Vec<&str> = links.collect();
    links.sort_unstable();
    links.into_iter().map(|path| Violation::new("a member of the wheel is a link").member(path)).collect()
}
