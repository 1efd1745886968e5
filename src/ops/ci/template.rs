//! Fills in a template, and keeps the steps of the user's own.
//!
//! A template's lines between `#if NAME` and `#end` are there if a flag is set, those between `#unless NAME` and `#end` if it
//! is not. `<name>` stands for a text; a line that is empty without it is left out.

use std::collections::BTreeMap;

const OWN: &str = "# own steps: ";
const OWN_END: &str = "# own steps: end";

/// What a template is filled with
#[derive(Debug, Default, Clone)]
pub(super) struct Values {
    pub(super) flags: Vec<&'static str>,
    pub(super) texts: Vec<(&'static str, String)>,
}

impl Values {
    pub(super) fn flag(&mut self, name: &'static str, is_set: bool) {
        if is_set {
            self.flags.push(name);
        }
    }

    pub(super) fn text(&mut self, name: &'static str, text: impl Into<String>) {
        self.texts.push((name, text.into()));
    }

    /// The template with these values.
    pub(super) fn fill(&self, template: &str) -> String {
        let mut shown = Vec::new();
        let mut filled = String::new();
        for line in template.lines() {
            if let Some(flag) = line.strip_prefix("#if ") {
                shown.push(self.flags.contains(&flag));
            } else if let Some(flag) = line.strip_prefix("#unless ") {
                shown.push(!self.flags.contains(&flag));
            } else if line == "#end" {
                shown.pop();
            } else if shown.iter().all(|is_shown| *is_shown) {
                let text = self.line(line);
                if !text.is_empty() || line.is_empty() {
                    filled.push_str(&text);
                    filled.push('\n');
                }
            }
        }
        filled
    }

    fn line(&self, line: &str) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('<') {
            text.push_str(before);
            let value = after.split_once('>').and_then(|(name, after)| {
                let (_, value) = self.texts.iter().find(|(known, _)| *known == name)?;
                Some((value, after))
            });
            (text, rest) = match value {
                Some((value, after)) => (text + value, after),
                None => (text + "<", after),
            };
        }
        text + rest
    }
}

/// Steps that the user has added to a workflow, by their place
#[derive(Debug, Default)]
pub(super) struct OwnSteps(BTreeMap<String, String>);

impl OwnSteps {
    /// The steps between the marks of a workflow; none if a place has no end.
    pub(super) fn of(workflow: &str) -> Option<Self> {
        let mut steps = Self::default();
        let mut place: Option<&str> = None;
        for line in workflow.lines() {
            let comment = line.trim();
            if comment == OWN_END {
                place = None;
            } else if let Some(name) = comment.strip_prefix(OWN) {
                if place.replace(name).is_some() {
                    return None;
                }
            } else if let Some(place) = place {
                let lines = steps.0.entry(place.to_owned()).or_default();
                lines.push_str(line);
                lines.push('\n');
            }
        }
        place.is_none().then_some(steps)
    }

    /// The workflow with these steps at their places, and the places that it no longer has.
    pub(super) fn put_into(&self, workflow: &str) -> (String, Vec<String>) {
        let mut text = String::new();
        let mut left: Vec<&String> = self.0.keys().collect();
        for line in workflow.lines() {
            text.push_str(line);
            text.push('\n');
            let place = line.trim().strip_prefix(OWN).unwrap_or_default();
            if let Some(lines) = self.0.get(place) {
                text.push_str(lines);
                left.retain(|name| *name != place);
            }
        }
        (text, left.into_iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_depend_on_flags_and_empty_texts_leave_no_line() {
        let mut values = Values::default();
        values.flag("one", true);
        values.flag("two", false);
        values.text("name", "demo");
        values.text("more", "");
        let template = "a <name>\n#if one\nb\n#if two\nc\n#end\n#unless two\nd\n#end\n#end\n<more>\n\ne\n";
        assert_eq!(values.fill(template), "a demo\nb\nd\n\ne\n");
        // A value is a text, whatever is in it.
        values.text("tag", "v<name>");
        assert_eq!(values.fill("<tag> <other> < <name>"), "v<name> <other> < demo\n");
    }

    #[test]
    fn own_steps_stay_at_their_places() {
        let old = "x\n  # own steps: before\n  - mine\n\n  # own steps: end\ny\n# own steps: gone\nz\n# own steps: end\n";
        let new = "X\n    # own steps: before\n    # own steps: end\nY\n";
        let (text, left) = OwnSteps::of(old).unwrap().put_into(new);
        assert_eq!(text, "X\n    # own steps: before\n  - mine\n\n    # own steps: end\nY\n");
        assert_eq!(left, ["gone"]);
        // Written again, nothing changes.
        let (again, _) = OwnSteps::of(&text).unwrap().put_into(new);
        assert_eq!(again, text);
        for open in
            ["# own steps: before\n- mine\n", "# own steps: one\n# own steps: two\n# own steps: end\n"]
        {
            assert!(OwnSteps::of(open).is_none(), "{open}");
        }
    }
}
