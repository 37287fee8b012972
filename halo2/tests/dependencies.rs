//! The crates that were built are those of `dependencies.txt`, and each of them is pinned.
//!
//! `Cargo.lock` is made by the build from the pins alone, and cargo compares what it downloads with
//! the checksums in it; so the list says which code took part.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Pinned by `zerocopy` itself, which asks for exactly its own version.
const PINNED_BY_ANOTHER: &str = "zerocopy-derive";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
    value.strip_suffix('"')
}

/// Name, version and checksum of every package of the lock but this one.
fn locked() -> BTreeSet<String> {
    let lock = read("Cargo.lock");
    let packages = lock.split("[[package]]").skip(1);
    let mut lines = BTreeSet::new();
    for package in packages {
        let field = |key| package.lines().find_map(|line| quoted(line, key));
        let (name, version) = (field("name").unwrap(), field("version").unwrap());
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let checksum = field("checksum")
            .unwrap_or_else(|| panic!("{name} comes from elsewhere than a registry"));
        assert!(lines.insert(format!("{name} {version} {checksum}")));
    }
    lines
}

#[test]
fn what_was_built_is_what_is_listed() {
    let listed: Vec<String> = read("dependencies.txt")
        .lines()
        .map(str::to_owned)
        .collect();
    let built: Vec<String> = locked().into_iter().collect();
    assert!(built.len() > 60, "{}", built.len());
    assert_eq!(built, listed, "dependencies.txt is not what Cargo.lock has");
}

#[test]
fn every_crate_is_pinned() {
    let manifest = read("Cargo.toml");
    let pins: BTreeSet<(&str, &str)> = manifest
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter_map(|(key, value)| {
            let name = value
                .split_once("package = \"")
                .and_then(|(_, rest)| rest.split('"').next())
                .unwrap_or(key);
            Some((name, value.split_once("\"=")?.1.split('"').next()?))
        })
        .collect();
    for line in locked() {
        let (name, rest) = line.split_once(' ').unwrap();
        let version = rest.split([' ', '+']).next().unwrap();
        assert!(
            name == PINNED_BY_ANOTHER || pins.contains(&(name, version)),
            "{name} {version} is not pinned in Cargo.toml"
        );
    }
}
