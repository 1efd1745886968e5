//! GitLab's part: it has no drafts, so that files go to a generic package first, and the release links to them.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::asset::Asset;
use super::connection::{Forge, Payload, Repeat};
use super::failure::{Failure, ForgeResult};
use crate::error::Error;

/// A file of a generic package
pub(super) struct PackageFile {
    package: u64,
    id: u64,
    name: String,
    sha256: String,
}

impl Forge<'_> {
    /// The files of a generic package, of all packages of this name and version.
    pub(super) fn package_files(&self, name: &str, version: &str) -> ForgeResult<Vec<PackageFile>> {
        let query = [("package_type", "generic"), ("package_name", name)];
        let packages = self.list(&["packages"], &query, "list the packages")?;
        let mut files = Vec::new();
        // The name in the query is a part of the package's.
        for package in
            packages.iter().filter(|package| package["name"] == name && package["version"] == version)
        {
            let id = package["id"].as_u64().unwrap_or_default();
            let listed = self.list(
                &["packages", &id.to_string(), "package_files"],
                &[],
                "list the files of the package",
            )?;
            let text = |file: &Value, key: &str| file[key].as_str().unwrap_or_default().to_owned();
            files.extend(listed.iter().map(|file| PackageFile {
                package: id,
                id: file["id"].as_u64().unwrap_or_default(),
                name: text(file, "file_name"),
                sha256: text(file, "file_sha256"),
            }));
        }
        Ok(files)
    }

    pub(super) fn package_file(
        &self,
        name: &str,
        version: &str,
        file: &Asset,
    ) -> ForgeResult<Option<PackageFile>> {
        let is_it = |there: &PackageFile| there.name == file.filename && there.sha256 == file.sha256;
        Ok(self.package_files(name, version)?.into_iter().find(is_it))
    }

    /// Uploads a file to a generic package, unless it is there.
    ///
    /// # Errors
    /// The forge did not answer, or refused; or the package has another file of this name.
    pub fn upload_to_package(
        &self,
        (name, version): (&str, &str),
        file: &Asset,
        path: &Path,
    ) -> ForgeResult<()> {
        let there = self.package_files(name, version)?;
        if let Some(there) = there.iter().find(|there| there.name == file.filename) {
            if there.sha256 == file.sha256 {
                return Ok(());
            }
            let error =
                format!("package {name} {version} on {} has another {}", self.address.host, file.filename);
            return Err(Failure::refused(Error::failed(error)));
        }
        let parts = ["packages", "generic", name, version, &file.filename];
        let url = self.url(&parts).map_err(Failure::refused)?;
        let reply = self.send(Repeat::Unsafe, &Method::PUT, &url, Payload::File(path, file))?;
        self.checked(reply, &format!("take {}", file.filename)).map(drop)
    }

    /// Deletes a file of a generic package, and the package with its last file.
    pub(super) fn delete_package_file(&self, name: &str, version: &str, file: &Asset) -> ForgeResult<()> {
        let Some(there) = self.package_file(name, version, file)? else { return Ok(()) };
        let others = self.package_files(name, version)?;
        let is_last = others.iter().all(|other| other.package != there.package || other.id == there.id);
        let (package, id) = (there.package.to_string(), there.id.to_string());
        match is_last {
            true => self.delete(&["packages", &package], "delete the package"),
            false => {
                self.delete(&["packages", &package, "package_files", &id], "delete the file of the package")
            }
        }
    }

    /// Creates the release of a tag, with links to the files of a generic package, and returns its URL.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn create_release(
        &self,
        (tag, title, body): (&str, &str, &str),
        (name, version): (&str, &str),
        files: &[Asset],
    ) -> ForgeResult<String> {
        let link = |file: &Asset| {
            let url = self.url(&["packages", "generic", name, version, &file.filename])?;
            let path = format!("/{}", file.filename);
            Ok(
                json!({"name": file.filename, "url": url.as_str(), "direct_asset_path": path, "link_type": "package"}),
            )
        };
        let links: Vec<Value> =
            files.iter().map(link).collect::<Result<_, Error>>().map_err(Failure::refused)?;
        let mut json = json!({"tag_name": tag, "name": title, "description": body});
        if !links.is_empty() {
            json["assets"] = json!({"links": links});
        }
        let url = self.url(&["releases"]).map_err(Failure::refused)?;
        let reply = self.send(Repeat::Unsafe, &Method::POST, &url, Payload::Json(&json))?;
        if reply.status == StatusCode::CONFLICT {
            let error =
                format!("{} already has release {tag}, which somebody else has made", self.address.host);
            return Err(Failure::refused(Error::failed(error)));
        }
        let created = self.checked(reply, "create the release")?;
        Ok(created["_links"]["self"].as_str().unwrap_or_default().to_owned())
    }
}
