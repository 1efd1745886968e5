//! Credentials in environment variables: ours, and those of twine and uv with the same meaning as there.

use super::{Credentials, TOKEN_USER, pypirc};
use crate::index::IndexAddress;
use crate::python::token::Token;
use crate::world::Environment;

/// The variable that holds the token for an index.
pub fn variable_for(index: &str) -> String {
    let name: String = index
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
        .collect();
    format!("PYRELEASE_TOKEN_{name}")
}

pub(super) fn find(environment: &Environment, index: &IndexAddress) -> Option<Credentials> {
    let variable = variable_for(&index.name);
    if let Some(token) = environment.get(&variable) {
        return Some(Credentials::token(token.trim().into(), format!("`{variable}`")));
    }
    of_twine(environment, index).or_else(|| of_uv(environment, index))
}

fn of_twine(environment: &Environment, index: &IndexAddress) -> Option<Credentials> {
    let password = environment.get("TWINE_PASSWORD")?.trim();
    // If twine's variables name an index, do not use them for another.
    let url = environment.get("TWINE_REPOSITORY_URL");
    let meant = match (url, environment.get("TWINE_REPOSITORY")) {
        (Some(url), _) => pypirc::same_address(url, &index.upload),
        (None, Some(name)) => name == index.name,
        (None, None) => true,
    };
    let username = environment.get("TWINE_USERNAME").unwrap_or(TOKEN_USER).trim();
    let found = || Credentials::password(username, password.into(), "`TWINE_PASSWORD`").bound(url.is_some());
    (meant && !is_issued_by_another(password, index)).then(found)
}

fn of_uv(environment: &Environment, index: &IndexAddress) -> Option<Credentials> {
    let (variable, username) = match environment.get("UV_PUBLISH_TOKEN") {
        Some(_) => ("UV_PUBLISH_TOKEN", TOKEN_USER),
        None => ("UV_PUBLISH_PASSWORD", environment.get("UV_PUBLISH_USERNAME").unwrap_or(TOKEN_USER).trim()),
    };
    let secret = environment.get(variable)?.trim();
    let url = environment.get("UV_PUBLISH_URL");
    let meant = match (url, environment.get("UV_PUBLISH_INDEX")) {
        (Some(url), _) => pypirc::same_address(url, &index.upload),
        (None, Some(name)) => name == index.name,
        (None, None) => pypirc::same_address(IndexAddress::pypi().upload.as_str(), &index.upload),
    };
    let found =
        || Credentials::password(username, secret.into(), format!("`{variable}`")).bound(url.is_some());
    (meant && !is_issued_by_another(secret, index)).then(found)
}

/// Whether the token was issued by PyPI or TestPyPI and this index is not its issuer: sending it would only disclose
/// it.
fn is_issued_by_another(secret: &str, index: &IndexAddress) -> bool {
    let host = index.upload.host_str().unwrap_or_default();
    Token::parse(secret).is_ok_and(|token| token.is_issued_elsewhere(host))
}
