//! Receives the form of an upload: fields into memory, within limits, and the file directly to disk.

use std::io::Write as _;
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;

use super::multipart::Multipart;
use super::refusal::{Refusal, refuse};
use crate::text::visible;
use crate::world::digest::{Digests, Hashing};

/// The limit for all fields of a form except the file, in bytes. Descriptions of a megabyte are rare.
const LARGEST_FIELDS: usize = 8 << 20;
const MOST_FIELDS: usize = 10_000;
/// How many bytes of fields all uploads together may hold in memory
pub(super) const FIELDS_AT_ONCE: usize = 32 << 20;
/// What is taken of those at a time, in bytes
const SHARE: usize = 16 << 10;
/// PyPI's limit for a file, in bytes
pub(super) const LARGEST_FILE: u64 = 100 << 20;
/// The fields that are about the upload, not about the project
const NO_METADATA: [&str; 11] = [
    ":action",
    "protocol_version",
    "filetype",
    "pyversion",
    "md5_digest",
    "sha256_digest",
    "blake2_256_digest",
    "comment",
    "attestations",
    "gpg_signature",
    "content",
];

/// The fields of a form, without the file
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    /// Its part of the memory for all forms
    memory: Option<OwnedSemaphorePermit>,
}

impl Form {
    /// The first field of that name.
    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The first field of that name, if it is not empty.
    pub(super) fn filled(&self, wanted: &str) -> Option<&str> {
        self.get(wanted).filter(|value| !value.is_empty())
    }

    /// The fields about the project.
    pub(super) fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        fields.filter(|(name, _)| !NO_METADATA.contains(name))
    }
}

impl Form {
    /// Takes memory for fields of this size.
    fn reserve(&mut self, memory: &Arc<Semaphore>, size: usize) -> Result<(), Refusal> {
        let has = self.memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = size.next_multiple_of(SHARE).saturating_sub(has);
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(memory).try_acquire_many_owned(u32::try_from(missing).unwrap_or(u32::MAX));
        let busy =
            |_| Refusal::with_status(503, "There are too many uploads at once. Try again in a moment.");
        match (&mut self.memory, more.map_err(busy)?) {
            (Some(memory), more) => memory.merge(more),
            (none, more) => *none = Some(more),
        }
        Ok(())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Form {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { fields: fields.collect(), memory: None }
    }
}

/// A received file, not yet listed
pub(super) struct Content {
    pub(super) filename: String,
    pub(super) file: NamedTempFile,
    pub(super) digests: Digests,
    /// Whether it exceeds the limit; only its beginning was kept
    pub(super) too_large: bool,
    pub(super) image: bool,
}

/// Receives forms
pub(super) struct Receiver<'a> {
    pub(super) multipart: Multipart,
    /// The memory for the fields of all forms
    pub(super) memory: &'a Arc<Semaphore>,
    pub(super) largest_file: u64,
    /// Makes a new file for an upload
    pub(super) incoming: &'a (dyn Fn() -> std::io::Result<NamedTempFile> + Sync),
}

impl Receiver<'_> {
    /// Receives the whole form.
    pub(super) async fn receive(&mut self) -> Result<(Form, Option<Content>), Refusal> {
        let (mut form, mut content) = (Form::default(), None);
        let mut size = 0;
        while let Some(part) = self.multipart.next_part().await? {
            match part.filename {
                Some(filename) if part.name == "content" && content.is_none() => {
                    let image = part.content_type.starts_with("image/");
                    content = Some(self.receive_file(filename, image).await?);
                }
                Some(_) if matches!(part.name.as_str(), "content" | "gpg_signature") => {}
                Some(_) => return refuse(format!("{}: Should not be a tuple.", visible(&part.name))),
                None if form.fields.len() == MOST_FIELDS => return refuse("Invalid Form Data."),
                None => {
                    size += part.name.len();
                    let value = self.receive_text(&mut form, &mut size).await?;
                    form.fields.push((part.name, value));
                }
            }
        }
        Ok((form, content))
    }

    /// Reads the value of a field; `size` is that of all fields until now.
    async fn receive_text(&mut self, form: &mut Form, size: &mut usize) -> Result<String, Refusal> {
        let mut value = Vec::new();
        while let Some(chunk) = self.multipart.chunk().await? {
            *size += chunk.len();
            if *size > LARGEST_FIELDS {
                return refuse("Invalid Form Data.");
            }
            form.reserve(self.memory, *size)?;
            value.extend_from_slice(&chunk);
        }
        let value = String::from_utf8(value).or_else(|_| refuse("Invalid Form Data."))?;
        // As PyPI does.
        Ok(if value.contains('\0') { value.replace('\0', "\\x00") } else { value })
    }

    async fn receive_file(&mut self, filename: String, image: bool) -> Result<Content, Refusal> {
        let mut file = block_in_place(self.incoming)?;
        let mut hashing = Hashing::default();
        let mut too_large = false;
        while let Some(chunk) = self.multipart.chunk().await? {
            if too_large || hashing.size() + chunk.len() as u64 > self.largest_file {
                too_large = true;
                continue;
            }
            block_in_place(|| {
                hashing.update(&chunk);
                file.write_all(&chunk)
            })?;
        }
        Ok(Content { filename, file, digests: hashing.finish(), too_large, image })
    }
}
