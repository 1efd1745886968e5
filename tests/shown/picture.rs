//! The picture of a run in the README: what a terminal shows at the end of a real one, drawn as it is.

use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;

use crate::release::drilled::Local;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/run.svg");
const COMMAND: &str = "run minor --yes";
/// In characters
const WIDTH: usize = 100;
/// Of a line, in pixels
const LINE: usize = 19;

/// How a letter is shown: its classes in the picture
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    is_bold: bool,
    is_dim: bool,
    /// The parameter that sets it; 0 for the terminal's own
    colour: u8,
}

/// What a terminal shows, whatever has been redrawn
#[derive(Default)]
struct Screen {
    rows: Vec<Vec<(char, Style)>>,
    row: usize,
    column: usize,
    style: Style,
}

impl Screen {
    fn of(text: &str) -> Self {
        let mut screen = Self::default();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{1b}' => {
                    assert_eq!(letters.next(), Some('['), "only control sequences");
                    let mut parameters = String::new();
                    let last = loop {
                        match letters.next().expect("a whole sequence") {
                            last if last.is_ascii_alphabetic() => break last,
                            letter => parameters.push(letter),
                        }
                    };
                    screen.control(&parameters, last);
                }
                letter => screen.write(letter),
            }
        }
        screen
    }

    fn control(&mut self, parameters: &str, last: char) {
        let count = parameters.parse::<usize>().unwrap_or(1);
        match (last, parameters) {
            ('m', _) => parameters.split(';').for_each(|parameter| self.paint(parameter)),
            ('A', _) => self.row = self.row.saturating_sub(count),
            ('B', _) => self.row += count,
            ('K', "2") => self.line().clear(),
            ('K', _) => {
                let column = self.column;
                self.line().truncate(column);
            }
            ('h' | 'l', _) => {}
            _ => panic!("a control sequence that is not known: {parameters}{last}"),
        }
    }

    fn paint(&mut self, parameter: &str) {
        match parameter.parse().unwrap_or(0) {
            0 => self.style = Style::default(),
            1 => self.style.is_bold = true,
            2 => self.style.is_dim = true,
            colour @ 30..=37 => self.style.colour = colour,
            other => panic!("a style that is not known: {other}"),
        }
    }

    fn line(&mut self) -> &mut Vec<(char, Style)> {
        let row = self.row;
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        &mut self.rows[row]
    }

    fn write(&mut self, letter: char) {
        if self.column == WIDTH {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let (column, cell) = (self.column, (letter, self.style));
        let line = self.line();
        if line.len() <= column {
            line.resize(column + 1, (' ', Style::default()));
        }
        line[column] = cell;
        self.column += 1;
    }

    fn picture(&self) -> String {
        let prompt: Vec<(char, Style)> =
            format!("$ pyrelease {COMMAND}").chars().map(|letter| (letter, Style::default())).collect();
        let rows: Vec<_> = std::iter::once(&prompt).chain(&self.rows).collect();
        let rows = &rows[..rows.iter().rposition(|row| !row.is_empty()).expect("something is shown") + 1];
        let (width, height) = (WIDTH * 17 / 2 + 24, rows.len() * LINE + 24);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
             {height}\" xml:space=\"preserve\">\n<title>pyrelease {COMMAND}</title>\n<style>text {{ font: 14px \
             ui-monospace, Menlo, Consolas, monospace; white-space: pre; fill: #e6edf3 }} .bold {{ font-weight: bold }} \
             .dim {{ fill: #8b949e }} .c31 {{ fill: #ff7b72 }} .c32 {{ fill: #3fb950 }} .c33 {{ fill: #d29922 }} .c36 {{ \
             fill: #39c5cf }}</style>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n"
        );
        for (number, row) in rows.iter().enumerate() {
            let _ = write!(svg, "<text x=\"12\" y=\"{}\">", number * LINE + 26);
            for run in row.chunk_by(|(_, one), (_, other)| one == other) {
                let text: String = run.iter().map(|(letter, _)| letter).collect();
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                match run[0].1.classes() {
                    classes if classes.is_empty() => svg.push_str(&text),
                    classes => drop(write!(svg, "<tspan class=\"{classes}\">{text}</tspan>")),
                }
            }
            svg.push_str("</text>\n");
        }
        svg + "</svg>\n"
    }
}

impl Style {
    fn classes(self) -> String {
        let colour = format!("c{}", self.colour);
        let classes = [("bold", self.is_bold), ("dim", self.is_dim), (&*colour, self.colour > 0)];
        classes.iter().filter(|(_, is_set)| *is_set).map(|(class, _)| *class).collect::<Vec<_>>().join(" ")
    }
}

/// What is the same in each run: without times, hashes, ports and the day.
fn stable(picture: &str) -> String {
    let changing = Regex::new(r"\d+T\d+-\d+|127\.0\.0\.1:\d+|[0-9a-f]{10,}|[\d.]+ k?B\b|\d+\.\d+ s\b");
    let without_time = picture.lines().filter(|line| !line.contains("Took")).collect::<Vec<_>>().join("\n");
    changing.expect("a pattern").replace_all(&without_time, "…").into_owned()
}

#[test]
fn the_picture_in_the_readme_is_of_a_real_run() {
    let local = Local::new();
    fs_err::remove_file(local.project.folder().join("notes.txt")).expect("a file that is not released");
    let run = local.pyrelease(COMMAND).env("TERM", "xterm-256color").on_a_terminal(&[]).code(0);
    let now = Screen::of(run.stdout()).picture();
    #[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
    let renews = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    let kept = fs_err::read_to_string(FILE).unwrap_or_default();
    if renews && stable(&kept) != stable(&now) {
        fs_err::write(FILE, &now).unwrap();
        return;
    }
    snapbox::assert_data_eq!(stable(&now), stable(&kept));
    assert!(kept.lines().count() > 20 && kept.contains("Released"), "{kept}");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    assert!(fs_err::read_to_string(readme).unwrap().contains("/main/docs/src/run.svg)"));
}
