use serde::Serialize;
use serde_json::Value;

/// The strongest kind of effect that a stage has
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effects {
    /// It changes nothing outside the release's own folder
    None,
    /// `undo` can undo all of its effects
    Reversible,
    /// Some of its effects cannot be undone
    Irreversible,
}

/// How far its effects reach, if that does not follow from [`Effects`]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    Private,
    Rehearsal,
    Repository,
    Public,
    /// They happen after the release, and never make it fail
    FollowUp,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Requires {
    secrets: Vec<Secret>,
    tools: Vec<String>,
    network: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Secret {
    name: String,
    purpose: String,
    optional: bool,
}

/// The description of a plugin
#[derive(Debug, Clone, Serialize)]
pub struct Descriptor {
    name: String,
    version: String,
    summary: String,
    protocol: &'static str,
    methods: [&'static str; 5],
    effects: Effects,
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<Reach>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_schema: Option<Value>,
    requires: Requires,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_s: Option<u64>,
    after: Vec<String>,
    before: Vec<String>,
    needs: Vec<String>,
    gives: Vec<String>,
}

impl Descriptor {
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: String::new(),
            protocol: "^1.0",
            methods: ["describe", "preflight", "run", "undo", "verify"],
            effects: Effects::None,
            reach: None,
            config_schema: None,
            requires: Requires::default(),
            timeout_s: None,
            after: Vec::new(),
            before: Vec::new(),
            needs: Vec::new(),
            gives: Vec::new(),
        }
    }

    /// A summary in one line.
    pub fn summary(self, summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..self }
    }

    pub fn effects(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }

    pub fn reach(self, reach: Reach) -> Self {
        Self { reach: Some(reach), ..self }
    }

    /// The JSON schema of its `config`.
    pub fn config_schema(self, schema: Value) -> Self {
        Self { config_schema: Some(schema), ..self }
    }

    /// Adds a required secret.
    pub fn secret(mut self, name: impl Into<String>, purpose: impl Into<String>) -> Self {
        self.requires.secrets.push(Secret { name: name.into(), purpose: purpose.into(), optional: false });
        self
    }

    /// Adds an optional secret.
    pub fn optional_secret(mut self, name: impl Into<String>, purpose: impl Into<String>) -> Self {
        self.requires.secrets.push(Secret { name: name.into(), purpose: purpose.into(), optional: true });
        self
    }

    /// Adds a program that must be on PATH.
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.requires.tools.push(name.into());
        self
    }

    /// Declares that it uses the network.
    pub fn network(mut self) -> Self {
        self.requires.network = true;
        self
    }

    /// The time limit of a call.
    pub fn timeout(self, seconds: u64) -> Self {
        Self { timeout_s: Some(seconds), ..self }
    }

    /// A stage that must come before it, if the pipeline has that stage.
    pub fn after(mut self, stage: impl Into<String>) -> Self {
        self.after.push(stage.into());
        self
    }

    /// A stage that must come after it, if the pipeline has that stage.
    pub fn before(mut self, stage: impl Into<String>) -> Self {
        self.before.push(stage.into());
        self
    }

    /// What a stage before it must give: `notes`, `version`, `commit`, `tag` or `distributions`.
    pub fn needs(mut self, product: impl Into<String>) -> Self {
        self.needs.push(product.into());
        self
    }

    /// What it gives to the stages after it, in the same words; only a private stage can.
    pub fn gives(mut self, product: impl Into<String>) -> Self {
        self.gives.push(product.into());
        self
    }
}
