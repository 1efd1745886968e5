use serde::Serialize;
use serde_json::Value;

/// The strongest effects that a stage has
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effects {
    /// It changes nothing outside the release's own folder
    None,
    /// `undo` takes all of them back
    Reversible,
    /// There are some that nobody can take back
    Irreversible,
}

/// How far they reach, where that is not what follows from [`Effects`]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    Private,
    Rehearsal,
    Repository,
    Public,
    /// They come after the release and never make it fail
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

/// What a plugin is and what it may do
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

    /// What it does, in a line.
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

    /// A secret that it needs.
    pub fn secret(mut self, name: impl Into<String>, purpose: impl Into<String>) -> Self {
        self.requires.secrets.push(Secret { name: name.into(), purpose: purpose.into(), optional: false });
        self
    }

    /// A secret that it can do without.
    pub fn optional_secret(mut self, name: impl Into<String>, purpose: impl Into<String>) -> Self {
        self.requires.secrets.push(Secret { name: name.into(), purpose: purpose.into(), optional: true });
        self
    }

    /// A program that it runs.
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.requires.tools.push(name.into());
        self
    }

    /// It uses the network.
    pub fn network(mut self) -> Self {
        self.requires.network = true;
        self
    }

    /// How long a call may take.
    pub fn timeout(self, seconds: u64) -> Self {
        Self { timeout_s: Some(seconds), ..self }
    }

    /// A stage that it has to come after, where that is in the pipeline.
    pub fn after(mut self, stage: impl Into<String>) -> Self {
        self.after.push(stage.into());
        self
    }

    /// A stage that it has to come before, where that is in the pipeline.
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
