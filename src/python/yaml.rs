//! Reads YAML as a tree with lines, safe from hostile input.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

/// The largest file in bytes
const LARGEST: usize = 1_000_000;
/// The deepest nesting
const DEEPEST: usize = 64;
/// The most nodes once all aliases are expanded
const MOST_NODES: usize = 100_000;

/// A node and the line where it begins, counted from 1
#[derive(Debug)]
pub(super) struct Node {
    pub line: usize,
    pub data: Data,
    /// Nodes in it, itself included
    size: usize,
    depth: usize,
}

#[derive(Debug)]
pub(super) enum Data {
    Scalar {
        text: String,
        style: Style,
    },
    List(Vec<Rc<Node>>),
    /// In the order of the file; keys are scalars
    Map(Vec<(String, Rc<Node>)>),
}

/// How a scalar is written
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// `|` or `>`: its text begins on the next line
    Block,
}

/// A file, and what is odd about it
#[derive(Debug)]
pub(super) struct Document {
    pub root: Rc<Node>,
    /// A key that a mapping has twice, and its line
    pub duplicate: Option<(String, usize)>,
}

impl Node {
    fn new(line: usize, data: Data) -> Self {
        let within: Vec<&Rc<Self>> = match &data {
            Data::Scalar { .. } => Vec::new(),
            Data::List(items) => items.iter().collect(),
            Data::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        };
        let size = 1 + within.iter().map(|node| node.size).sum::<usize>();
        let depth = 1 + within.iter().map(|node| node.depth).max().unwrap_or(0);
        Self { line, data, size, depth }
    }

    /// Other data on the same line.
    pub fn with(&self, data: Data) -> Rc<Self> {
        Rc::new(Self::new(self.line, data))
    }

    /// The scalar's text.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A plain scalar, whose text may stand for a boolean or a number.
    pub fn is_plain(&self) -> bool {
        matches!(self.data, Data::Scalar { style: Style::Plain, .. })
    }

    pub fn list(&self) -> &[Rc<Node>] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    pub fn map(&self) -> &[(String, Rc<Node>)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Nothing: an empty value, `~` or `null`
    pub fn is_null(&self) -> bool {
        self.is_plain() && self.text() == Some("")
    }

    /// The value of a key; the last one of a key that is there twice.
    pub fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.map().iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a key.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The texts of a scalar or of a list of scalars, in nested lists too.
    pub fn texts(&self) -> Vec<String> {
        match &self.data {
            Data::Scalar { .. } if self.is_null() => Vec::new(),
            Data::Scalar { text, .. } => vec![text.clone()],
            Data::List(items) => items.iter().flat_map(|item| item.texts()).collect(),
            Data::Map(_) => Vec::new(),
        }
    }

    /// The line on which the text begins. A block begins on the first line that is not empty.
    pub fn text_line(&self) -> usize {
        match &self.data {
            Data::Scalar { style: Style::Block, text } => {
                self.line.saturating_sub(text.len() - text.trim_start_matches('\n').len())
            }
            _ => self.line,
        }
    }
}

/// Reads the first document of a file; none if it is empty.
///
/// # Errors
/// The reason why the file cannot be read, as the end of a sentence.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Document>, String> {
    if bytes.len() > LARGEST {
        return Err("it is larger than 1 MB".to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| format!("line {} is not valid YAML: {}", error.marker().line(), error.info()))?;
        if builder.add(event, span.start.line())? {
            break;
        }
    }
    let Some(root) = builder.root else { return Ok(None) };
    Ok(Some(Document { root, duplicate: builder.duplicate }))
}

/// A collection that is not complete yet
struct Open {
    line: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<(String, Rc<Node>)>, keys: BTreeSet<String>, key: Option<Rc<Node>> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    duplicate: Option<(String, usize)>,
}

impl Builder {
    /// Adds an event; true after the first document.
    fn add(&mut self, event: Event<'_>, line: usize) -> Result<bool, String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    _ => Style::Quoted,
                };
                let is_null = style == Style::Plain && matches!(&*text, "~" | "null" | "Null" | "NULL");
                let text = if is_null { String::new() } else { text.into_owned() };
                self.close(line, anchor, Data::Scalar { text, style })?;
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                self.put(node.ok_or_else(|| format!("line {line} refers to an anchor around it"))?)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(line, anchor, Content::List(Vec::new()))?,
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map { entries: Vec::new(), keys: BTreeSet::new(), key: None };
                self.begin(line, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { line, anchor, content }) = self.open.pop() else { return Ok(true) };
                let data = match content {
                    Content::List(items) => Data::List(items),
                    Content::Map { entries, .. } => Data::Map(merged(entries)),
                };
                self.close(line, anchor, data)?;
            }
            Event::DocumentEnd => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn begin(&mut self, line: usize, anchor: usize, content: Content) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(line));
        }
        self.open.push(Open { line, anchor, content });
        Ok(())
    }

    fn close(&mut self, line: usize, anchor: usize, data: Data) -> Result<(), String> {
        let node = Rc::new(Node::new(line, data));
        if node.size > MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} values, aliases expanded"));
        }
        if node.depth > DEEPEST {
            return Err(too_deep(line));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node)
    }

    /// Puts a complete node into the collection around it.
    fn put(&mut self, node: Rc<Node>) -> Result<(), String> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, keys, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    let name = key.text();
                    let name = name.ok_or_else(|| format!("line {} has a key that is no text", key.line))?;
                    if !keys.insert(name.to_owned()) && name != "<<" && self.duplicate.is_none() {
                        self.duplicate = Some((name.to_owned(), key.line));
                    }
                    entries.push((name.to_owned(), node));
                }
            },
        }
        Ok(())
    }
}

fn too_deep(line: usize) -> String {
    format!("line {line} is nested more than {DEEPEST} levels deep")
}

/// The entries with those of merge keys (`<<`) before them, so that their own come last.
fn merged(entries: Vec<(String, Rc<Node>)>) -> Vec<(String, Rc<Node>)> {
    if entries.iter().all(|(key, _)| key != "<<") {
        return entries;
    }
    let (merges, own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key == "<<");
    let mut all = Vec::new();
    for (_, merge) in merges {
        // Of several merged mappings the first one counts.
        for from in merge.list().iter().rev() {
            all.extend_from_slice(from.map());
        }
        all.extend_from_slice(merge.map());
    }
    all.extend(own);
    all
}
