//! Wheels that hatchling and setuptools build elsewhere join a prepared release: pure ones, and ones for a platform.

use std::path::Path;

use pyrelease_test_support::{Backend, Blueprint, Python};

use super::super::demo;
use super::super::drilled::{Local, text};
use super::Forge;

const PLATFORM: &str = "manylinux_2_17_x86_64";

/// Has hatchling tag the wheel for a platform.
const HOOK: &str = "\
import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        if \"PLATFORM\" in os.environ:
            build_data[\"pure_python\"] = False
            build_data[\"tag\"] = \"py3-none-\" + os.environ[\"PLATFORM\"]
";

#[track_caller]
fn are_adopted(blueprint: Blueprint, options: &[&str]) {
    let forge = Forge::of(Local::of(blueprint, "[stage.build]\nisolation = true\n"));
    let (file, wheels) = (forge.prepared("--sdist-only"), forge.path("wheels"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release/prepare/build_wheels.py");
    let arguments = [&[text(&script), text(&file), text(&wheels), PLATFORM], options].concat();
    Python::get().run(forge.local.project.sandbox().root(), &arguments);
    let folder = forge.checkout("publishing");
    forge.publishing_job(&folder, "publish --yes --adopt").arg(&wheels).arg(&file).code(0);
    let public = forge.local.public.files();
    let expected =
        ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0-py3-none-manylinux_2_17_x86_64.whl", "demo-1.1.0.tar.gz"];
    assert_eq!(public.keys().collect::<Vec<_>>(), expected);
    assert_eq!(public, forge.local.rehearsal.files());
}

#[test]
fn of_hatchling() {
    let hook = "[build.targets.wheel.hooks.custom]\n";
    are_adopted(
        demo().backend(Backend::Hatchling).file("hatch_build.py", HOOK).file("hatch.toml", hook),
        &[],
    );
}

#[test]
fn of_setuptools() {
    let option = format!("--config-settings=--build-option=--plat-name={PLATFORM}");
    are_adopted(demo().backend(Backend::Setuptools), &[&option]);
}
