//! Answers one call, whatever the transport.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::context::{Context, Wire};
use crate::request::{Effect, Release, Request, Undo};
use crate::{Error, Result, Stage};

#[derive(Deserialize)]
struct Call {
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
}

/// Answers the call in `request` and sends the result.
pub(crate) fn answer<S: Stage>(wire: &dyn Wire, request: &[u8]) {
    let answered =
        serde_json::from_slice::<Call>(request).map_err(Error::from).and_then(|call| method::<S>(wire, call));
    let message = match answered {
        Ok(value) => json!({"type": "result", "ok": true, "value": value}),
        Err(error) => failure(error.code, &error.message, error.hint.as_deref()),
    };
    wire.emit(&message);
}

/// The message for a failed call.
pub(crate) fn failure(code: &str, message: &str, hint: Option<&str>) -> Value {
    json!({"type": "result", "ok": false, "error": {"code": code, "message": message, "hint": hint}})
}

fn read<T: DeserializeOwned>(params: &Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(params.clone()))
        .map_err(|error| Error::new(format!("the request is not valid: {error}")))
}

fn method<S: Stage>(wire: &dyn Wire, call: Call) -> Result<Value> {
    let params = &call.params;
    match call.method.as_str() {
        "describe" => Ok(serde_json::to_value(S::describe())?),
        "preflight" => {
            let context = Context::new(wire, Vec::new());
            Ok(serde_json::to_value(S::preflight(&context, &read(params)?)?)?)
        }
        "run" => {
            let request: Request<S::Config> = read(params)?;
            let done = request.done.iter().map(|effect| effect.key.clone()).collect();
            Ok(json!({"outputs": S::run(&Context::new(wire, done), &request)?}))
        }
        "undo" => {
            let context = Context::new(wire, Vec::new());
            let (mut undone, mut kept) = (Vec::new(), Vec::new());
            for undo in undos::<S>(params)? {
                match S::undo(&context, &undo) {
                    Ok(()) => undone.push(undo.effect.key),
                    Err(error) if error.kept => {
                        kept.push(json!({"key": undo.effect.key, "reason": error.message}))
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(json!({"undone": undone, "kept": kept}))
        }
        "verify" => {
            let context = Context::new(wire, Vec::new());
            let mut states = Vec::new();
            for undo in undos::<S>(params)? {
                let state = S::verify(&context, &undo)?;
                states.push(json!({"key": undo.effect.key, "state": state}));
            }
            Ok(json!({"effects": states}))
        }
        other => Err(Error { code: "unsupported", ..Error::new(format!("unknown method `{other}`")) }),
    }
}

fn undos<S: Stage>(params: &Map<String, Value>) -> Result<Vec<Undo<S::Config>>> {
    let effects: Vec<Effect> = match params.get("effects") {
        Some(effects) => serde_json::from_value(effects.clone())?,
        None => Vec::new(),
    };
    let undo = |effect: Effect| {
        let Request { config, release, secrets, .. } = read::<Request<S::Config>>(params)?;
        let release: Release = release;
        Ok(Undo { config, release, secrets, effect })
    };
    effects.into_iter().map(undo).collect()
}
