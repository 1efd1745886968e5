//! Receives the form of an upload: fields into memory, within limits, and the file directly to disk.

use std::io::Write as _;

use axum::extract::multipart::{Field, Multipart};
use tempfile::NamedTempFile;
use tokio::task::block_in_place;

use super::refusal::{Refusal, refuse};
use crate::world::digest::{Digests, Hashing};

/// The limit for all fields except the file, in bytes. Descriptions of a megabyte are rare.
const LARGEST_FIELDS: usize = 8 << 20;
const MOST_FIELDS: usize = 10_000;
/// PyPI's limit for a file, in bytes
pub(super) const LARGEST_FILE: u64 = 100 << 20;

/// The fields of a form, without the file
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first field of that name.
    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Form {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
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

/// Makes a new file for an upload
type Incoming<'a> = dyn Fn() -> std::io::Result<NamedTempFile> + Sync + 'a;

/// Receives the whole form.
pub(super) async fn receive(
    multipart: &mut Multipart,
    incoming: &Incoming<'_>,
) -> Result<(Form, Option<Content>), Refusal> {
    let mut form = Form::default();
    let mut content = None;
    let mut size = 0;
    while let Some(field) = multipart.next_field().await.map_err(invalid)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "content" && field.file_name().is_some() && content.is_none() {
            content = Some(receive_file(field, incoming).await?);
            continue;
        }
        if field.file_name().is_some() && !matches!(name.as_str(), "content" | "gpg_signature") {
            return refuse(format!("{name}: Should not be a tuple."));
        }
        let value = receive_text(field, LARGEST_FIELDS - size).await?;
        size += name.len().saturating_add(value.len());
        if size > LARGEST_FIELDS || form.fields.len() == MOST_FIELDS {
            return refuse("Invalid Form Data.");
        }
        // Older Python tools send `UNKNOWN` for missing values.
        if value.trim() != "UNKNOWN" {
            form.fields.push((name, value));
        }
    }
    Ok((form, content))
}

/// Reads the rest of the request, because clients read the reply only after sending everything.
pub(super) async fn drain(multipart: &mut Multipart) {
    while let Ok(Some(mut field)) = multipart.next_field().await {
        while let Ok(Some(_)) = field.chunk().await {}
    }
}

async fn receive_text(mut field: Field<'_>, limit: usize) -> Result<String, Refusal> {
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(invalid)? {
        if value.len() + chunk.len() > limit {
            return refuse("Invalid Form Data.");
        }
        value.extend_from_slice(&chunk);
    }
    String::from_utf8(value).or_else(|_| refuse("Invalid Form Data."))
}

async fn receive_file(mut field: Field<'_>, incoming: &Incoming<'_>) -> Result<Content, Refusal> {
    let filename = field.file_name().unwrap_or_default().to_owned();
    let image = field.content_type().is_some_and(|kind| kind.starts_with("image/"));
    let failed = |error: std::io::Error| Refusal { status: 500, message: error.to_string() };
    let mut file = block_in_place(incoming).map_err(failed)?;
    let mut hashing = Hashing::default();
    let mut too_large = false;
    while let Some(chunk) = field.chunk().await.map_err(invalid)? {
        if too_large || hashing.size() + chunk.len() as u64 > LARGEST_FILE {
            too_large = true;
            continue;
        }
        block_in_place(|| {
            hashing.update(&chunk);
            file.write_all(&chunk)
        })
        .map_err(failed)?;
    }
    Ok(Content { filename, file, digests: hashing.finish(), too_large, image })
}

fn invalid(_: axum::extract::multipart::MultipartError) -> Refusal {
    Refusal { status: 400, message: "Invalid Form Data.".to_owned() }
}
