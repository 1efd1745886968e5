//! The file in an upload's form.

use sha2::{Digest, Sha256};

/// The name and the sha256 of the file in a form, if it has one: the part with `name="content"`.
pub(super) fn upload_in(body: &[u8]) -> Option<(String, String)> {
    let boundary = &body[..find(body, b"\r\n")?];
    let part = &body[find(body, b"name=\"content\"; filename=\"")?..];
    let line = String::from_utf8_lossy(&part[..find(part, b"\r\n")?]).into_owned();
    let filename = line.split("filename=\"").nth(1)?.trim_end_matches('"').to_owned();
    let content = &part[find(part, b"\r\n\r\n")? + 4..];
    let end = find(content, &[b"\r\n", boundary].concat())?;
    let digest = Sha256::digest(&content[..end]);
    Some((filename, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The form with this many bytes cut off the end of its file.
pub(super) fn cut_short(body: &[u8], by: usize) -> Option<Vec<u8>> {
    let boundary = &body[..find(body, b"\r\n")?];
    let part = find(body, b"name=\"content\"; filename=\"")?;
    let start = part + find(&body[part..], b"\r\n\r\n")? + 4;
    let end = start + find(&body[start..], &[b"\r\n", boundary].concat())?;
    Some([&body[..end.saturating_sub(by).max(start)], &body[end..]].concat())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_form_is_found_with_its_bytes() {
        let form = b"--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\ndemo\r\n--x\r\n\
            Content-Disposition: form-data; name=\"content\"; filename=\"demo-1.0.tar.gz\"\r\n\
            Content-Type: application/octet-stream\r\n\r\nabc\r\n--x--\r\n";
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(upload_in(form), Some(("demo-1.0.tar.gz".to_owned(), sha256.to_owned())));
        assert_eq!(upload_in(&form[..100]), None);
        let cut = cut_short(form, 2).unwrap();
        assert_eq!(cut.len(), form.len() - 2);
        assert!(upload_in(&cut).unwrap().1.starts_with("ca978112ca1b"), "of `a`");
    }
}
