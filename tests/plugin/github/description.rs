//! GitHub's own description of its interface (OpenAPI), as far as releases need it: which requests there are, what each
//! has to look like, and what may be answered.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use boon::{Compiler, Draft, SchemaIndex, Schemas, SchemeUrlLoader};
use pyrelease_test_support::{package_of_npm, shared_cache};
use serde_json::{Map, Value, json};

/// As GitHub publishes it on npm
const PACKAGE: &str = "@octokit/openapi";
const VERSION: &str = "23.0.2";
const SHA512: &str =
    "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==";
/// Of a schema while it is compiled; nothing is read from there
const SCHEMA_URL: &str = "json-schema:///github";
const FILE: &str = "package/generated/api.github.com.json";
/// Of 1 200 addresses, those that have to do with releases
const PATHS: [&str; 2] = ["/repos/{owner}/{repo}/releases", "/repos/{owner}/{repo}/git/ref/"];
/// Those that have to do with proposals. What is answered there has some hundred fields, and is not compared.
const PULLS: [&str; 2] = ["/repos/{owner}/{repo}/pulls", "/repos/{owner}/{repo}/pulls/{pull_number}"];
const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];
/// What every request may be answered, which the description does not repeat for each
const ALWAYS: [u16; 10] = [301, 307, 401, 403, 404, 429, 500, 502, 503, 504];

/// A compiled schema
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

pub(crate) struct Description {
    operations: Vec<Operation>,
    error: Validator,
}

pub(crate) struct Operation {
    method: String,
    path: Vec<String>,
    /// `repos/list-releases`
    pub(crate) id: String,
    parameters: Vec<Value>,
    /// The types that a body may have; of JSON, what it has to be
    bodies: BTreeMap<String, Option<Validator>>,
    /// The statuses that may be answered, and with what
    replies: BTreeMap<u16, Option<Validator>>,
}

/// A request that is as the description wants it
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'a Operation,
    /// Of its address and its query
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) json: Value,
}

impl Description {
    pub(crate) fn get() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Self::read(&excerpt()))
    }

    /// Reads a description; its `basic-error` is what any request may be answered.
    pub(crate) fn read(document: &Value) -> Self {
        let components = schemas(&document["components"]);
        let validator = |schema: &Value| {
            let mut root = schemas(schema);
            root["components"] = components.clone();
            let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
            compiler.set_default_draft(Draft::V4);
            compiler.enable_format_assertions();
            compiler.use_loader(Box::new(SchemeUrlLoader::new()));
            compiler.add_resource(SCHEMA_URL, root).expect("a schema of the description");
            let index = compiler.compile(SCHEMA_URL, &mut schemas).expect("a schema of the description");
            Validator { schemas, index }
        };
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                if METHODS.contains(&method.as_str()) {
                    operations.push(Operation::read(document, path, method, operation, &validator));
                }
            }
        }
        // `/releases/latest` is that, and not the release of this number.
        operations
            .sort_by_key(|operation| operation.path.iter().filter(|part| part.starts_with('{')).count());
        Self { operations, error: validator(&json!({"$ref": "#/components/schemas/basic-error"})) }
    }

    /// A request, unless it is none that GitHub knows; then what is wrong with it.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        (content_type, body): (Option<&str>, &[u8]),
    ) -> Result<Asked<'_>, String> {
        let (operation, mut parameters) = self
            .operations
            .iter()
            .filter(|operation| operation.method == method)
            .find_map(|operation| Some((operation, operation.matched(path)?)))
            .ok_or_else(|| format!("there is no {method} {path}"))?;
        for (name, value) in query {
            let twice = parameters.insert(name.clone(), value.clone()).is_some();
            let is_known =
                operation.parameters.iter().any(|known| known["name"] == **name && known["in"] == "query");
            if twice || !is_known {
                return Err(format!("`{name}` in the query of {}", operation.id));
            }
        }
        for parameter in &operation.parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            match parameters.get(name) {
                None if parameter["required"] == true => {
                    return Err(format!("{} without `{name}`", operation.id));
                }
                Some(value) if parameter["schema"]["type"] == "integer" && value.parse::<u64>().is_err() => {
                    return Err(format!("`{name}` of {} is `{value}`", operation.id));
                }
                _ => {}
            }
        }
        let json = operation.body(content_type, body)?;
        Ok(Asked { operation, parameters, json })
    }

    /// What is wrong with a reply that this server gives.
    pub(crate) fn reply(&self, operation: &Operation, status: u16, body: &Value) -> Result<(), String> {
        let validator = match operation.replies.get(&status) {
            Some(validator) => validator.as_ref(),
            None if ALWAYS.contains(&status) => Some(&self.error),
            None => return Err(format!("{} never answers {status}", operation.id)),
        };
        check(validator, body).map_err(|wrong| format!("{status} of {}: {wrong}", operation.id))
    }
}

impl Operation {
    fn read(
        document: &Value,
        path: &str,
        method: &str,
        operation: &Value,
        validator: &impl Fn(&Value) -> Validator,
    ) -> Self {
        let resolved = |value: &Value| resolve(document, value).clone();
        let of_json = |content: &Value| content.get("application/json").map(|json| json["schema"].clone());
        let contents = operation["requestBody"]["content"].as_object().cloned().unwrap_or_default();
        let bodies = contents.iter().map(|(kind, content)| {
            let mut schema = content["schema"].clone();
            // GitHub would leave out what it does not know, and say nothing.
            schema["additionalProperties"] = false.into();
            (kind.clone(), (kind == "application/json").then(|| validator(&schema)))
        });
        let replies = operation["responses"].as_object().expect("replies").iter().map(|(status, reply)| {
            let schema = of_json(&resolved(reply)["content"]);
            (status.parse().expect("a status"), schema.map(|schema| validator(&schema)))
        });
        Self {
            method: method.to_uppercase(),
            path: path.split('/').map(str::to_owned).collect(),
            id: operation["operationId"].as_str().expect("each has a name").to_owned(),
            parameters: operation["parameters"].as_array().into_iter().flatten().map(resolved).collect(),
            bodies: bodies.collect(),
            replies: replies.collect(),
        }
    }

    /// The parameters in an address, if it is one of this operation.
    fn matched(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parts = path.split('/').peekable();
        let mut parameters = BTreeMap::new();
        for expected in &self.path {
            let part = parts.next()?;
            let Some(name) = expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
                if part == expected {
                    continue;
                }
                return None;
            };
            let mut value = part.to_owned();
            let is_long = |known: &&Value| known["name"] == name && known["x-multi-segment"] == true;
            if self.parameters.iter().find(is_long).is_some() {
                value = [&[part][..], &parts.by_ref().collect::<Vec<_>>()].concat().join("/");
            }
            parameters.insert(name.to_owned(), decoded(&value));
        }
        parts.peek().is_none().then_some(parameters)
    }

    fn body(&self, content_type: Option<&str>, body: &[u8]) -> Result<Value, String> {
        if self.bodies.is_empty() {
            return if body.is_empty() { Ok(Value::Null) } else { Err(format!("{} has no body", self.id)) };
        }
        let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let Some(validator) = self.bodies.get(content_type) else {
            return Err(format!("the body of {} is `{content_type}`", self.id));
        };
        let Some(validator) = validator else { return Ok(Value::Null) };
        let json =
            serde_json::from_slice(body).map_err(|error| format!("the body of {}: {error}", self.id))?;
        check(Some(validator), &json).map_err(|wrong| format!("the body of {}: {wrong}", self.id))?;
        Ok(json)
    }
}

/// A part of an address without its `%2F`.
fn decoded(part: &str) -> String {
    let query = format!("http://x/?{}=", part.replace('+', "%2B"));
    let url = reqwest::Url::parse(&query).expect("it was a part of an address");
    url.query_pairs().next().map(|(part, _)| part.into_owned()).unwrap_or_default()
}

fn check(validator: Option<&Validator>, value: &Value) -> Result<(), String> {
    match validator {
        Some(Validator { schemas, index }) => {
            schemas.validate(value, *index).map_err(|wrong| format!("{wrong:#}"))
        }
        None => Ok(()),
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.map_or(value, |reference| document.pointer(&reference[1..]).expect("what it refers to"))
}

/// Schemas of OpenAPI 3.0 as JSON schemas: what may be null is said in another way there.
fn schemas(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(schemas).collect(),
        Value::Object(entries) => {
            let is_nullable = entries.get("nullable") == Some(&Value::Bool(true));
            let entries =
                entries.iter().filter(|(key, _)| !["nullable", "example", "examples"].contains(&&***key));
            let schema: Value =
                entries.map(|(key, value)| (key.clone(), schemas(value))).collect::<Map<_, _>>().into();
            if is_nullable { json!({"anyOf": [schema, {"type": "null"}]}) } else { schema }
        }
        other => other.clone(),
    }
}

/// What of the description the tests need, kept in cargo's target folder.
fn excerpt() -> Value {
    let folder = shared_cache().join("github");
    let file = folder.join(format!("releases-and-pulls-{VERSION}.json"));
    if let Ok(text) = fs_err::read(&file) {
        return serde_json::from_slice(&text).expect("what was written whole");
    }
    let document = document();
    let mut excerpt =
        json!({"openapi": document["openapi"], "info": document["info"], "paths": {}, "components": {}});
    for (path, item) in document["paths"].as_object().expect("paths") {
        if PATHS.iter().any(|wanted| path.starts_with(wanted)) {
            excerpt["paths"][path] = item.clone();
        }
        if PULLS.contains(&path.as_str()) {
            let mut item = item.clone();
            for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
                let replies = operation.get_mut("responses").and_then(Value::as_object_mut);
                replies
                    .into_iter()
                    .flat_map(|replies| replies.values_mut())
                    .for_each(|reply| *reply = json!({}));
            }
            excerpt["paths"][path] = item;
        }
    }
    let mut wanted = references(&excerpt["paths"]);
    wanted.push("#/components/schemas/basic-error".to_owned());
    while let Some(reference) = wanted.pop() {
        let [_, _, kind, name] = reference.split('/').collect::<Vec<_>>()[..] else { panic!("{reference}") };
        let component = &document["components"][kind][name];
        if excerpt["components"].get(kind).and_then(|kind| kind.get(name)).is_none() {
            wanted.extend(references(component));
            excerpt["components"][kind][name] = component.clone();
        }
    }
    fs_err::create_dir_all(&folder).expect("a folder in the target folder");
    let mut new = tempfile::NamedTempFile::new_in(&folder).expect("a file in the target folder");
    serde_json::to_writer(&mut new, &excerpt).expect("a file in the target folder");
    // Whole, or not there: other tests' processes may look for it.
    new.persist(file).expect("a file in the target folder");
    excerpt
}

fn document() -> Value {
    let package = package_of_npm(PACKAGE, VERSION, SHA512);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&package[..]));
    let is_it = |entry: &tar::Entry<'_, _>| entry.path().is_ok_and(|path| path.to_str() == Some(FILE));
    let mut entry = archive.entries().expect("a package").flatten().find(is_it).expect("the description");
    let mut text = Vec::new();
    entry.read_to_end(&mut text).expect("a package");
    serde_json::from_slice(&text).expect("the description")
}

/// What a part of the description refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(entries) => {
            let own = entries.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(entries.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_is_against_it_is_refused() {
    let description = Description::get();
    let wrong = |method: &str, path: &str, query: &[(&str, &str)], body: Option<Value>| {
        let query: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        let kind = body.map(|_| "application/json");
        description.request(method, path, &query, (kind, text.as_bytes())).err()
    };
    let releases = "/repos/o/r/releases";
    assert_eq!(wrong("GET", releases, &[("per_page", "100")], None), None);
    assert_eq!(wrong("POST", releases, &[], Some(json!({"tag_name": "v1", "draft": true}))), None);
    assert_eq!(wrong("GET", "/repos/o/r/releases/tags/a/b", &[], None), None);
    for (method, path, query, body, expected) in [
        ("GET", "/repos/o/r/release", &[][..], None, "there is no GET"),
        ("PUT", releases, &[], None, "there is no PUT"),
        ("GET", releases, &[("per-page", "100")], None, "`per-page` in the query"),
        ("GET", releases, &[("page", "two")], None, "`page` of repos/list-releases is `two`"),
        ("GET", "/repos/o/r/releases/one", &[], None, "`release_id` of repos/get-release is `one`"),
        ("DELETE", "/repos/o/r/releases/1", &[], Some(json!({})), "has no body"),
        ("POST", releases, &[], None, "the body of repos/create-release is ``"),
        ("POST", releases, &[], Some(json!({"draft": true})), "missing properties 'tag_name'"),
        ("POST", releases, &[], Some(json!({"tag_name": "v1", "draft": "yes"})), "at '/draft'"),
        (
            "POST",
            releases,
            &[],
            Some(json!({"tag_name": "v1", "titel": "x"})),
            "additionalProperties 'titel' not allowed",
        ),
        ("POST", "/repos/o/r/releases/1/assets", &[("name", "x")], Some(json!({})), "is `application/json`"),
        ("GET", "/repos/o/r/releases/1/assets", &[("name", "x")], None, "`name` in the query"),
    ] {
        let wrong = wrong(method, path, query, body).unwrap_or_default();
        assert!(wrong.contains(expected), "{method} {path}: {wrong}");
    }
    let asked = description.request("GET", "/repos/o/r/releases/1", &[], (None, &[])).unwrap();
    let reply = |status, body: Value| description.reply(asked.operation, status, &body).unwrap_err();
    assert!(reply(200, json!({"id": 1})).contains("missing properties"));
    assert!(reply(201, json!({})).contains("never answers 201"));
    assert!(reply(404, json!({"message": 1})).contains("at '/message'"));
}
