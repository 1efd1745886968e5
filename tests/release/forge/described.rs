//! Descriptions of interfaces whose makers publish none that a package has: written from their documentation, in the same
//! form, so that the same code validates every request.

use serde_json::{Map, Value, json};

/// An operation of an interface
pub(super) struct Described {
    pub(super) id: &'static str,
    /// `POST /repos/{owner}/{repo}/releases`
    pub(super) request: &'static str,
    /// Parameters of the query, with `!` if one is required
    pub(super) query: &'static [&'static str],
    /// The fields of a JSON body, with `!` if one is required, and their types: `"title! string"`
    pub(super) body: &'static [&'static str],
    /// The type of another body
    pub(super) content: Option<&'static str>,
    pub(super) replies: &'static [u16],
}

impl Described {
    pub(super) const NOTHING: Self =
        Self { id: "", request: "", query: &[], body: &[], content: None, replies: &[200] };

    /// The operations as an OpenAPI document.
    pub(super) fn document(all: &[Self]) -> Value {
        let mut paths = Map::new();
        for described in all {
            let (method, path) = described.request.split_once(' ').expect("a method and a path");
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[method.to_lowercase()] = described.operation(path);
        }
        json!({"openapi": "3.0.0", "paths": paths, "components": {"schemas": {"basic-error": {"type": "object"}}}})
    }

    fn operation(&self, path: &str) -> Value {
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path = in_path.map(|name| {
            let kind = if name.ends_with("_id") || name.ends_with("iid") { "integer" } else { "string" };
            json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}})
        });
        let in_query = self.query.iter().map(|name| {
            let (name, required) = name.strip_suffix('!').map_or((*name, false), |name| (name, true));
            json!({"name": name, "in": "query", "required": required, "schema": {"type": "string"}})
        });
        let replies: Map<_, _> = self.replies.iter().map(|status| (status.to_string(), json!({}))).collect();
        let parameters: Vec<Value> = in_path.chain(in_query).collect();
        let mut operation = json!({"operationId": self.id, "parameters": parameters, "responses": replies});
        if let Some(content) = self.content {
            operation["requestBody"] = json!({"content": {content: {"schema": {}}}});
        } else if !self.body.is_empty() {
            let fields = self.body.iter().map(|field| field.split_once(' ').expect("a field and its type"));
            let (mut properties, mut required) = (Map::new(), Vec::new());
            for (name, kind) in fields {
                let bare = name.trim_end_matches('!');
                required.extend((bare != name).then_some(bare));
                properties.insert(bare.to_owned(), json!({"type": kind}));
            }
            let mut schema = json!({"type": "object", "properties": properties});
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
        }
        operation
    }
}
