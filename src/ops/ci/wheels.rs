//! The jobs that build wheels for each platform.

use super::Forge;
use super::packages::Package;
use super::project::CiProject;
use super::template::Values;
use crate::python::filename::normalize;
use crate::python::native::WheelBuilder;

/// One job for each way to build, on a matrix of platforms, and in a workspace of packages
const JOBS: &str = include_str!("../../../templates/ci/github-wheels.yml");

impl CiProject<'_> {
    /// How wheels are built and join the release: by one job, or in a workspace by one for each builder. The packages that a
    /// release of the workspace has are known once it is prepared.
    pub(super) fn wheels(&self, values: &mut Values, forge: Forge) {
        let has_any = self.packages.iter().any(|package| package.builder.is_some());
        values.flag("wheels", has_any);
        values.flag("member-wheels", has_any && self.is_workspace);
        let top = self.top(forge);
        let folder = match forge {
            Forge::GitHub => "release/wheels",
            Forge::GitLab => "wheels",
        };
        let separator = if self.is_workspace { "" } else { " " };
        values
            .text("adopt", if has_any { format!("{separator}--adopt {top}{folder}") } else { String::new() });
        values.text("sdist-only", if has_any { " --sdist-only" } else { "" });
        let all: Vec<&Package> = self.packages.iter().filter(|package| package.builder.is_some()).collect();
        values.text("wheels-names", names(&all));
        let (mut jobs, mut needs, mut outputs, mut found) =
            (String::new(), Vec::new(), Vec::new(), Vec::new());
        for builder in [WheelBuilder::CiBuildWheel, WheelBuilder::Maturin] {
            let built: Vec<&Package> =
                all.iter().filter(|package| package.builder == Some(builder)).copied().collect();
            if built.is_empty() {
                continue;
            }
            let (job, own) = match needs.is_empty() {
                true => ("wheels", "wheels"),
                false => ("maturin-wheels", "wheels with maturin"),
            };
            let mut of_job = values.clone();
            of_job.flag("maturin", builder == WheelBuilder::Maturin);
            of_job.flag("cibuildwheel", builder == WheelBuilder::CiBuildWheel);
            of_job.text("job", job);
            of_job.text("own-wheels", own);
            let (of_package, artifact) = match self.is_workspace {
                true => ("of ${{ matrix.package }} ", "${{ matrix.package }}-"),
                false => ("", ""),
            };
            of_job.text("of-package", of_package);
            of_job.text("artifact", artifact);
            let are_programs = built.iter().all(|package| package.is_program);
            of_job.text("maturin-args", if are_programs { "" } else { " --find-interpreter" });
            jobs.push_str(&of_job.fill(JOBS));
            needs.push(job);
            if self.is_workspace {
                outputs.push(format!("      {job}: ${{{{ steps.prepare.outputs.{job} }}}}"));
                found.push(format!("          released {job} {}", names(&built)));
            }
        }
        values.text("wheels-jobs", jobs.trim_end());
        values.text("wheels-outputs", outputs.join("\n"));
        values.text("wheels-found", found.join("\n"));
        values.text(
            "publish-needs",
            match needs.as_slice() {
                [] => "prepare".to_owned(),
                jobs => format!("[prepare, {}]", jobs.join(", ")),
            },
        );
    }
}

/// The names of packages as their sdists begin with them (PEP 625), separated by blanks.
fn names(packages: &[&Package]) -> String {
    let names: Vec<String> =
        packages.iter().map(|package| normalize(package.name()).replace('-', "_")).collect();
    names.join(" ")
}
