//! Wheels that were built on other machines join a prepared release, each proven to be of it.

use pyrelease_test_support::{Transcript, str};

use super::super::drilled::{Local, text};
use super::super::issuer::attestation;
use super::Forge;

const PLATFORMS: &str = "manylinux_2_17_x86_64 macosx_11_0_arm64 win_amd64";

#[test]
fn wheels_for_three_platforms_are_published_with_the_sdist_that_they_were_built_from() {
    let one_by_one = "[stage.testpypi]\nconnections = 1\n\n[stage.pypi]\nconnections = 1\n";
    let forge = Forge::of(Local::configured(one_by_one));
    let file = forge.prepared("--sdist-only");
    let wheels = forge.path("wheels");
    // As an action unpacks artifacts: each into a folder of its own.
    for platform in PLATFORMS.split(' ') {
        forge.wheels(&file, &wheels.join(platform), platform, &[]);
    }
    let folder = forge.checkout("publishing");
    let publish = format!("publish --yes --adopt {}", text(&wheels));
    let published = forge.publishing_job(&folder, &publish).arg(&file).code(0);
    published.assert_shown("prepare/adopted");
    let public = forge.local.public.files();
    assert_eq!(
        public.keys().collect::<Vec<_>>(),
        [
            "demo-1.1.0-py3-none-macosx_11_0_arm64.whl",
            "demo-1.1.0-py3-none-manylinux_2_17_x86_64.whl",
            "demo-1.1.0-py3-none-win_amd64.whl",
            "demo-1.1.0.tar.gz"
        ]
    );
    assert_eq!(public, forge.local.rehearsal.files());
    let log = forge.job(&folder, "log --last").code(0);
    let adopted = log.stdout().lines().find(|line| line.contains("built elsewhere")).expect("a record");
    for (name, sha256) in public.iter().filter(|(name, _)| name.ends_with(".whl")) {
        assert!(adopted.contains(&format!("{name} (sha256 {})", &sha256[..12])), "{adopted}");
    }

    // The wheels are there already: in a checkout of the commit before, and here.
    let old = forge.old_checkout("again");
    for folder in [&old, &folder] {
        forge.publishing_job(folder, &publish).arg(&file).code(0);
    }
    assert_eq!(forge.local.public.files(), public);

    // One more wheel comes too late.
    forge.wheels(&file, &wheels, "musllinux_1_2_x86_64", &[]);
    let late = forge.publishing_job(&folder, &publish).arg(&file).code(0);
    late.stderr_eq(str![[r#"
             nothing to publish: demo 1.1.0 (run [RUN]) is released
warning: not part of the release, and ignored: demo-1.1.0-py3-none-musllinux_1_2_x86_64.whl
help: `pyrelease upload FILE --index NAME` adds a file to a release: on PyPI within [DAYS] days

"#]]);
    assert_eq!(forge.local.public.files(), public);
}

#[test]
fn a_foreign_wheel_is_refused_by_name_before_anything_begins() {
    let mut seen = Transcript::named("prepare/foreign-wheels");
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let publish = |wheels: &std::path::Path, code: i32| {
        let job = forge.publishing_job(&folder, "publish --yes --adopt").arg(wheels);
        job.arg(&file).code(code)
    };
    let mut refused = |what: &str, make: &dyn Fn(&std::path::Path)| {
        let wheels = forge.path(&what.replace(' ', "-"));
        forge.wheels(&file, &wheels, "win_amd64", &[]);
        make(&wheels);
        seen.heading(what).add_error(&publish(&wheels, 3));
        forge.assert_untouched(&folder);
    };
    let changed = |change: &'static str| {
        let (forge, file) = (&forge, &file);
        move |wheels: &std::path::Path| forge.wheels(file, wheels, "macosx_11_0_arm64", &[change])
    };
    refused("another version", &changed("1.1.0=1.2.0"));
    refused("another name", &changed("\"demo\"=\"other\""));
    refused("other metadata", &changed("Says hello=Says goodbye"));
    refused("other bytes under a name that is there", &|wheels| {
        fs_err::rename(
            wheels.join("demo-1.1.0-py3-none-win_amd64.whl"),
            wheels.join("demo-1.1.0-py3-none-any.whl"),
        )
        .unwrap();
    });
    refused("damaged", &|wheels| {
        let wheel = wheels.join("demo-1.1.0-py3-none-win_amd64.whl");
        let bytes = fs_err::read(&wheel).unwrap();
        fs_err::write(&wheel, &bytes[..bytes.len() / 2]).unwrap();
    });
    refused("empty", &|wheels| fs_err::write(wheels.join("demo-1.1.0-py3-none-win32.whl"), "").unwrap());
    refused("not a wheel", &|wheels| fs_err::write(wheels.join("notes.txt"), "x").unwrap());
    refused("another sdist", &|wheels| fs_err::write(wheels.join("demo-1.1.0.tar.gz"), "x").unwrap());
    refused("two of one name", &|wheels| {
        fs_err::create_dir(wheels.join("other")).unwrap();
        fs_err::write(wheels.join("other/demo-1.1.0-py3-none-win_amd64.whl"), "x").unwrap();
    });
    #[cfg(unix)]
    refused("a link", &|wheels| {
        fs_err::os::unix::fs::symlink("/etc/passwd", wheels.join("demo-1.1.0-py3-none-win32.whl")).unwrap();
    });
    let empty = forge.path("nothing");
    fs_err::create_dir(&empty).unwrap();
    seen.heading("no wheels").add_error(&publish(&empty, 3));
    seen.heading("no folder").add_error(&publish(&forge.path("missing"), 2));
    forge.assert_nothing_is_out();
    seen.assert();
}

#[test]
fn a_release_that_waits_for_wheels_does_not_go_out_without_them() {
    let forge = Forge::new();
    let file = forge.prepared("--sdist-only");
    let folder = forge.checkout("publishing");
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(3).stderr_eq(str![[r#"
error: the run was prepared with `--sdist-only`: it waits for the wheels of demo 1.1.0
help: pass the folder with the wheels: `--adopt DIR`
help: pass `--sdist-only` here, too, to release the sdist alone

"#]]);
    // A matrix that handed the sdist over alone has built nothing.
    let built = forge.path("built");
    fs_err::create_dir(&built).unwrap();
    duct::cmd!("tar", "-xzf", &file, "-C", &built, "dist").run().unwrap();
    let refused = forge.publishing_job(&folder, "publish --yes --adopt").arg(&built).arg(&file).code(3);
    assert!(refused.stderr().contains("the run waits for the wheels of demo 1.1.0"), "{refused}");
    forge.assert_untouched(&folder);
    // Imported, it still waits.
    forge.publishing_job(&folder, "resume --yes --import").arg(&file).code(4).stderr_eq(str![[r#"
error: run [RUN] waits for wheels that are built elsewhere
help: `pyrelease publish FILE --adopt DIR` adds them, with the FILE that `prepare` wrote
help: `pyrelease publish FILE --sdist-only` releases the sdist alone

"#]]);
    forge.assert_nothing_is_out();
    let status = forge.job(&folder, "status").code(0);
    assert!(status.stdout().contains("the run waits for wheels"), "{status}");
    assert!(!status.stdout().contains("pyrelease resume"), "{status}");
    forge.publishing_job(&folder, "publish --yes --sdist-only").arg(&file).code(0);
    assert_eq!(forge.local.public.files().keys().collect::<Vec<_>>(), ["demo-1.1.0.tar.gz"]);
    assert_eq!(forge.git(&folder, &["describe", "--exact-match"]), "v1.1.0");
}

#[test]
fn attestations_beside_the_files_come_along() {
    let forge = Forge::new();
    let (file, wheels) = (forge.prepared("--sdist-only"), forge.path("wheels"));
    forge.wheels(&file, &wheels, "any", &[]);
    let (name, beside) = ("demo-1.1.0-py3-none-any.whl", "demo-1.1.0-py3-none-any.whl.publish.attestation");
    let sha256 = pyrelease::world::sha256(&wheels.join(name)).unwrap().0;
    fs_err::write(wheels.join(beside), attestation(name, &sha256).to_string()).unwrap();
    let first = forge.checkout("first attempt");
    let kill = format!("kill:{}", super::killed::number("after-record imported") + 4);
    let job = forge.publishing_job(&first, "publish --yes --adopt").arg(&wheels).arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", kill).run().status(), -1);

    let saved = forge.path("saved.tar.gz");
    forge.job(&first, "status --export").arg(&saved).code(0);
    let second = forge.checkout("second attempt");
    let published = forge.publishing_job(&second, "publish --yes").arg(&saved).code(0);
    // These indexes have no trusted publisher.
    let unsent =
        "the attestations beside the files are not sent: `pypi` accepts them only from trusted publishers";
    assert!(published.stderr().contains(unsent), "{published}");
    assert_eq!(forge.local.public.files()[name], sha256);
}

#[test]
fn nothing_joins_a_release_that_has_begun_to_leave() {
    let forge = Forge::new();
    let (file, wheels) = (forge.prepared(""), forge.path("wheels"));
    let folder = forge.checkout("publishing");
    let kill = format!("kill:{}", super::killed::number("after-record stage-done testpypi"));
    let job = forge.publishing_job(&folder, "publish --yes").arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", kill).run().status(), -1);
    forge.wheels(&file, &wheels, "win_amd64", &[]);
    let late = forge.publishing_job(&folder, "publish --yes --adopt").arg(&wheels).arg(&file).code(4);
    late.stderr_eq(str![[r#"
error: `demo-1.1.0-py3-none-win_amd64.whl` cannot join run [RUN]: it has begun to publish, and its files are fixed since
help: publish the files that it has, or `pyrelease rollback` it if nothing is public

"#]]);
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&folder);
}
