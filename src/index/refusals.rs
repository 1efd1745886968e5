//! Explains refusals: what they mean, what to do, and whether the file name can still be used.

use super::variable_for;

/// Of this refusal only: the index does not say which files it has already
const FREE: &str = "nothing was stored, and the refusal uses up no file name";
const BURNT: &str = "that file name cannot be used again: release another version";
const METADATA: &str = "correct the metadata in pyproject.toml and build again: see `pyrelease check`";
const ARCHIVE: &str = "the archive is not valid: see `pyrelease check`";
const OURS: &str = "this is a bug in pyrelease or in a proxy: please report it";

/// PyPI's refusals by a part of their text, in the order of matching: what happened and what to do, and whether the
/// name can still be used
const REFUSALS: &[(&str, &str, &str)] = &[
    // Taken names and closed releases.
    ("file already exists", "the index has a file with that name, or these bytes under another name", BURNT),
    (
        "previously used by a file that has since been deleted",
        "a file with that name was uploaded and deleted before",
        BURNT,
    ),
    (
        "older than 14 days",
        "the release is older than 14 days and closed to new files: release another version",
        "",
    ),
    ("only one sdist", "the release already has a source distribution: release another version", ""),
    // Authentication.
    ("ssl is required", "the URL must begin with `https://`", FREE),
    (
        "invalid or non-existent authentication",
        "the index does not know the token: it must be complete, not revoked, and created on this index (PyPI and \
         TestPyPI have separate accounts)",
        FREE,
    ),
    (
        "username/password authentication is no longer supported",
        "use an API token with the username `__token__`",
        FREE,
    ),
    (
        "token is expired",
        "the token has expired, or is not valid yet: create another. If it has not, check this machine's clock: the \
         uploaded token is valid for ten minutes, and expires early if the clock is behind",
        FREE,
    ),
    (
        "not valid for project",
        "the token is for another project: use one for this project, or one for the whole account if the project \
         does not exist yet",
        FREE,
    ),
    (
        "signatures do not match",
        "the token was changed after it was created: copy it again, completely",
        FREE,
    ),
    ("does not match user restriction", "the token is restricted to another user: create another", FREE),
    (
        "does not match publisher restriction",
        "the token is restricted to another publisher: create another",
        FREE,
    ),
    ("invalid api token", "the token does not allow this upload: create another", FREE),
    (
        "isn't allowed to upload to project",
        "the project belongs to another account, or you have no role in it, or it is archived",
        FREE,
    ),
    ("verified primary email", "verify your email address in the account settings of the index", FREE),
    ("two-factor", "enable two-factor authentication in the account settings of the index", FREE),
    ("organization account owning", "the organization that owns the project must be reactivated", FREE),
    // New projects.
    ("too many new projects", "the index limits new projects per hour: wait an hour", FREE),
    ("too similar to an existing project", "the project needs another name", FREE),
    ("conflict with python standard library", "the project needs another name", FREE),
    ("conflicts with an existing project", "somebody has just created a project with that name", FREE),
    (
        "new project registration temporarily disabled",
        "the index accepts no new projects at the moment: try again later",
        FREE,
    ),
    ("non-user identities cannot create", "a new project needs a pending publisher or a user's token", FREE),
    // The index itself.
    ("uploads are temporarily disabled", "the index accepts no uploads at the moment: try again later", FREE),
    (
        "this api has moved",
        "that URL no longer accepts uploads: PyPI's is https://upload.pypi.org/legacy/",
        FREE,
    ),
    // The file.
    ("file too large", "make the file smaller, or ask the index for a higher limit", FREE),
    ("project size too large", "delete old releases, or ask the index for a higher limit", FREE),
    ("digest supplied does not match", "the file changed in transit: try again", FREE),
    ("description failed to render", "the description does not render: see `pyrelease check`", FREE),
    ("local versions", "a public index does not accept versions with a `+`", FREE),
    ("is not a valid classifier", "correct `classifiers` in pyproject.toml and release again", FREE),
    ("has been deprecated", "replace the classifier in pyproject.toml and release again", FREE),
    (
        "can't have direct dependency",
        "an index does not accept dependencies on a URL: depend on a version",
        FREE,
    ),
    (
        "unsupported platform tag",
        "a wheel for Linux needs a manylinux or musllinux tag: use auditwheel",
        FREE,
    ),
    ("attestations are only supported", "delete the attestation, or upload as a trusted publisher", FREE),
    (
        "attestations are not currently supported",
        "delete the attestation: this publisher does not support it",
        FREE,
    ),
    (
        "attestation",
        "the attestation beside the file is not for these bytes and this publisher: create it again",
        FREE,
    ),
    ("license-file", METADATA, FREE),
    ("is invalid, should be", "the file name does not match its project and version", FREE),
    ("start filename for", "the file name does not begin with the project name", FREE),
    (
        "should contain the normalized project name",
        "the file name does not begin with the project name",
        FREE,
    ),
    ("version in filename should be", "the file name has another version than the metadata", FREE),
    ("filename is too long", "the file name is too long", FREE),
    ("non-printable characters", "the file name contains a character that is not printable", FREE),
    ("with '/' or '\\'", "the file name contains a slash", FREE),
    ("invalid file extension", "the file name must end in `.whl` or `.tar.gz`", FREE),
    ("invalid wheel filename", ARCHIVE, FREE),
    ("invalid build number", ARCHIVE, FREE),
    ("invalid source distribution filename", ARCHIVE, FREE),
    ("does not contain the required", ARCHIVE, FREE),
    ("invalid entry points", ARCHIVE, FREE),
    ("archive not accepted", ARCHIVE, FREE),
    ("invalid distribution file", "the archive is damaged: see `pyrelease check`", FREE),
    // The form.
    ("core-metadata", METADATA, FREE),
    ("invalid form data", OURS, FREE),
    ("should not be a tuple", OURS, FREE),
    ("unknown protocol version", OURS, FREE),
    ("known file type", OURS, FREE),
    ("python version is required for binary", OURS, FREE),
    ("as python version for an sdist", OURS, FREE),
    ("message digest", OURS, FREE),
    ("does not have a file", OURS, FREE),
    (
        "is an invalid value for name",
        "the project name must consist of ASCII letters, digits, `.`, `_` and `-`",
        FREE,
    ),
    ("is not a valid metadata version", METADATA, FREE),
    ("introduced in metadata version", METADATA, FREE),
    ("is invalid for", METADATA, FREE),
    ("is not a valid", METADATA, FREE),
    ("'summary'", METADATA, FREE),
    ("must have a", METADATA, FREE),
    ("must be 32 characters or less", METADATA, FREE),
    ("has invalid data", METADATA, FREE),
    ("as a dynamic field", METADATA, FREE),
    ("license is deprecated", METADATA, FREE),
    ("valid markdown variants", METADATA, FREE),
    ("can only specify the utf-8 charset", METADATA, FREE),
    ("isn't allowed", "the project needs another name", FREE),
    ("is invalid.", "the project needs another name", FREE),
];

/// PyPI's refusals that stand whatever is done about the file
const FINAL: [&str; 3] =
    ["previously used by a file that has since been deleted", "older than 14 days", "only one sdist"];

/// Whether a refusal is final, by PyPI's text.
pub fn is_final(reason: &str) -> bool {
    let lower = reason.to_ascii_lowercase();
    FINAL.iter().any(|words| lower.contains(words))
}

/// What a refusal means, what to do, and whether the file name can still be used: by PyPI's text, else by the HTTP
/// status.
pub fn help_for(status: u16, reason: &str) -> Option<String> {
    let lower = reason.to_ascii_lowercase().replace('’', "'");
    let known = REFUSALS.iter().find(|(words, ..)| lower.contains(words));
    let by_status = match status {
        300..=399 => Some(("set the URL that the index redirects to, if it belongs to the index", FREE)),
        401 => Some(("the index requires credentials: set them, or use others", FREE)),
        403 => Some(("these credentials do not permit uploads to the index", FREE)),
        404 | 405 | 410 => {
            Some(("that URL accepts no uploads: it usually ends in `/legacy/` or in a slash", FREE))
        }
        413 => Some(("the server limits the size of uploads", FREE)),
        429 => Some(("the index limits requests: wait, then try again", FREE)),
        _ => None,
    };
    let (meaning, fate) = known.map(|&(_, meaning, fate)| (meaning, fate)).or(by_status)?;
    Some(if fate.is_empty() { meaning.to_owned() } else { format!("{meaning}; {fate}") })
}

/// What to do about a refusal where no credentials were sent, if that may be why.
pub(super) fn help_for_nobody(index: &str, reason: &str) -> Option<String> {
    let lower = reason.to_ascii_lowercase();
    let is_known = REFUSALS.iter().any(|(words, ..)| lower.contains(words));
    let is_about_credentials = ["authentication", "api token"].iter().any(|words| lower.contains(words));
    (!is_known || is_about_credentials).then(|| {
        format!(
            "the index requires credentials, and there are none for it: put a token into `{}`, or a user name and a \
             password into [{index}] of `.pypirc`; {FREE}",
            variable_for(index)
        )
    })
}

/// What to do about a refusal of the token that an index made for a trusted publisher, where that is another thing than
/// about a user's token.
pub(super) fn help_for_publisher(reason: &str) -> Option<String> {
    let lower = reason.to_ascii_lowercase().replace('\u{2019}', "'");
    let is_of_another = ["not valid for project", "isn't allowed to upload to project"];
    is_of_another.iter().any(|words| lower.contains(words)).then(|| {
        format!(
            "the index knows this job as the publisher of another project: add it to the publishing settings of this one, or \
             register a pending publisher if the project does not exist yet; {FREE}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    #[test]
    fn the_help_tells_whether_the_name_can_still_be_used() {
        let deleted = "This filename was previously used by a file that has since been deleted. Use a …";
        assert_data_eq!(
            help_for(400, deleted).unwrap(),
            str![
                "a file with that name was uploaded and deleted before; that file name cannot be used again: release another version"
            ]
        );
        let token = "Invalid API Token: project-scoped token is not valid for project: 'demo'";
        let help = help_for(403, token).unwrap();
        assert_data_eq!(
            help,
            str![
                "the token is for another project: use one for this project, or one for the whole account if the project does not exist yet; nothing was stored, and the refusal uses up no file name"
            ]
        );
        assert!(help_for(413, "").is_some());
        assert_eq!(help_for(400, "something new"), None);
    }

    #[test]
    fn a_publisher_of_another_project_is_told_to_register_and_not_to_use_a_token() {
        for reason in [
            "Invalid API Token: project-scoped token is not valid for project: 'demo'",
            "The given token isn't allowed to upload to project 'demo'. See …",
        ] {
            assert_data_eq!(
                help_for_publisher(reason).unwrap(),
                str![
                    "the index knows this job as the publisher of another project: add it to the publishing settings of this one, or register a pending publisher if the project does not exist yet; nothing was stored, and the refusal uses up no file name"
                ]
            );
        }
        assert_eq!(help_for_publisher("Invalid API Token: token is expired"), None);
    }

    #[test]
    fn whoever_sends_no_credentials_is_not_told_of_a_token() {
        for reason in ["Invalid or non-existent authentication information. See …", "Forbidden", ""] {
            assert!(help_for_nobody("corp", reason).unwrap().contains("`PYRELEASE_TOKEN_CORP`"), "{reason}");
        }
        assert_eq!(help_for_nobody("corp", "New uploads are temporarily disabled. See …"), None);
    }

    /// Every known refusal of an upload by PyPI's server.
    const KNOWN: &[(u16, &str)] = &[
        (403, "SSL is required."),
        (400, "Invalid Form Data."),
        (308, "An upload was attempted to /legacy but the expected upload URL is /legacy/"),
        (410, "This API has moved to https://upload.pypi.org/legacy/. See https://…"),
        (403, "Username/Password authentication is no longer supported. Migrate to API Tokens"),
        (400, "name: Should not be a tuple."),
        (403, "Read-only mode: Uploads are temporarily disabled."),
        (403, "New uploads are temporarily disabled. See …"),
        (403, "Invalid or non-existent authentication information. See …"),
        (400, "Unknown protocol version."),
        (400, "'-x' is an invalid value for Name. Error: Start and end with a letter or numeral"),
        (400, "Invalid value for filetype. Error: Use a known file type."),
        (400, "Error: Python version is required for binary distribution uploads."),
        (400, "Error: Use 'source' as Python version for an sdist."),
        (400, "Error: Use a valid, hex-encoded, SHA256 message digest."),
        (400, "Error: Include at least one message digest."),
        (400, "'2.6' is not a valid metadata version. See …"),
        (400, "license-expression introduced in metadata version 2.4, not 2.3. See …"),
        (400, "'x' is invalid for 'version'. See …"),
        (400, "The use of local versions in '1.0+local' is not allowed. See …"),
        (400, "'summary' must be a single line."),
        (400, "'summary' field must be 512 characters or less."),
        (400, "'a@localhost' is not a valid email address: …"),
        (400, "'Foo :: Bar' is not a valid classifier."),
        (400, "The classifier 'x' has been deprecated, use one of ['y'] instead."),
        (400, "'ftp://x' is not a valid url."),
        (400, "Must have a label"),
        (400, "'x' must be 32 characters or less."),
        (400, "'project_urls' has invalid data"),
        (400, "'foo >>1' is invalid for 'requires-dist'"),
        (400, "Can't have direct dependency: foo @ https://x"),
        (400, "'foo' is not a valid dynamic field"),
        (400, "'name' is not allowed as a dynamic field"),
        (400, "License is deprecated when License-Expression is present."),
        (400, "'../L' is invalid for 'license-file', parent directory indicators are not allowed"),
        (400, "can only specify the UTF-8 charset, not 'latin-1'"),
        (400, "valid Markdown variants for 'description-content-type' are ['CommonMark', 'GFM'], not 'x'"),
        (400, "Upload payload does not have a file."),
        (400, "Non-user identities cannot create new projects. This was probably caused by …"),
        (429, "Too many new projects created"),
        (403, "New project registration temporarily disabled. See …"),
        (400, "The name 'x' is invalid."),
        (400, "The name 'zipfile' isn't allowed (conflict with Python Standard Library module name)."),
        (409, "The name 'x' conflicts with an existing project."),
        (400, "The name 'x' isn't allowed. See …"),
        (400, "The name '0therproj' is too similar to an existing project."),
        (403, "Invalid API Token: token is expired"),
        (403, "Invalid API Token: project-scoped token is not valid for project: 'x'"),
        (403, "Invalid API Token: signatures do not match"),
        (403, "Invalid API Token: current user does not match user restriction in token"),
        (403, "Invalid API Token: current OIDC publisher does not match publisher restriction in token"),
        (403, "Invalid API Token: caveat has unknown tag: 99"),
        (403, "The user 'alice' isn't allowed to upload to project 'demo'. See …"),
        (403, "The given token isn't allowed to upload to project 'x'. See …"),
        (
            400,
            "User 'x', associated with the API token used, does not have a verified primary email address.",
        ),
        (400, "User 'x' does not have two-factor authentication enabled."),
        (400, "Organization account owning this project is inactive."),
        (400, "The description failed to render for 'text/x-rst'. See …"),
        (400, "Cannot upload a file with non-printable characters in its name."),
        (400, "Cannot upload a file with '/' or '\\' in its name."),
        (400, "Invalid file extension: Use .tar.gz, .whl or .zip extension. See …"),
        (400, "Invalid distribution file."),
        (400, "File too large. Limit for project 'x' is 100 MB. See …"),
        (400, "Project size too large. Limit for project 'x' total size is 10 GB."),
        (400, "The digest supplied does not match a digest calculated from the uploaded file."),
        (400, "File already exists ('f', with blake2_256 hash 'x'). See …"),
        (400, "This filename was previously used by a file that has since been deleted."),
        (400, "Uploading new files to releases older than 14 days is not allowed."),
        (400, "Only one sdist may be uploaded per release."),
        (400, "Invalid distribution file. File is not a zipfile"),
        (400, "Invalid distribution file. ZIP archive not accepted: Trailing data. See …"),
        (400, "tar archive not accepted: Sparse members are not allowed."),
        (400, "Invalid source distribution filename: x"),
        (400, "Start filename for 'x' with 'x_y'."),
        (400, "Filename 'A' is invalid, should be 'B'."),
        (400, "License-File LICENSE does not exist in distribution file F at x/LICENSE"),
        (400, "Invalid wheel filename (wrong number of parts): 'x'"),
        (400, "Invalid build number: x in 'y'"),
        (400, "Binary wheel 'F' has an unsupported platform tag 'linux_x86_64'."),
        (400, "Filename 'F' should contain the normalized project name 'demo_pkg', not 'Demo_Pkg'."),
        (400, "Version in filename should be 'A' not 'B'."),
        (400, "Wheel 'F' does not contain the required RECORD file: x"),
        (400, "Wheel 'F' has invalid entry points defined in the entry_points.txt file"),
        (400, "Filename is too long: 'F'"),
        (400, "Attestations are only supported when using Trusted Publishing"),
        (400, "Invalid attestations supplied during upload: Malformed attestations: x"),
        (400, "Could not verify the uploaded artifact using the included attestation: x"),
        (400, "Attestations are not currently supported with ActiveState publishers"),
        (400, "A maximum of 2 attestations per file are supported"),
    ];

    #[test]
    fn every_known_refusal_has_help_about_the_name() {
        for (status, said) in KNOWN {
            let help = help_for(*status, said).unwrap_or_else(|| panic!("{status} {said}"));
            let fate = [FREE, BURNT, "release another version"].iter().any(|fate| help.contains(fate));
            assert!(fate, "{said}: {help}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let refusals = [
            "'../L' is invalid for 'license-file', x",
            "The name 'x' is invalid.",
            "Filename 'A' is invalid, should be 'B'.",
            "The name 'zipfile' isn't allowed (conflict with Python Standard Library …)",
            "The user 'alice' isn't allowed to upload to project 'demo'.",
            "Invalid API Token: signatures do not match",
            "Invalid distribution file. ZIP archive not accepted: x",
        ];
        let helps = refusals.map(|said| format!("{said}\n  {}", help_for(400, said).unwrap_or_default()));
        assert_data_eq!(
            helps.join("\n"),
            str![[r#"
'../L' is invalid for 'license-file', x
  correct the metadata in pyproject.toml and build again: see `pyrelease check`; nothing was stored, and the refusal uses up no file name
The name 'x' is invalid.
  the project needs another name; nothing was stored, and the refusal uses up no file name
Filename 'A' is invalid, should be 'B'.
  the file name does not match its project and version; nothing was stored, and the refusal uses up no file name
The name 'zipfile' isn't allowed (conflict with Python Standard Library …)
  the project needs another name; nothing was stored, and the refusal uses up no file name
The user 'alice' isn't allowed to upload to project 'demo'.
  the project belongs to another account, or you have no role in it, or it is archived; nothing was stored, and the refusal uses up no file name
Invalid API Token: signatures do not match
  the token was changed after it was created: copy it again, completely; nothing was stored, and the refusal uses up no file name
Invalid distribution file. ZIP archive not accepted: x
  the archive is not valid: see `pyrelease check`; nothing was stored, and the refusal uses up no file name
"#]]
        );
    }
}
