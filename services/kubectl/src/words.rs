//! The words of a line.

/// The words of a line, of which those that say nothing are left out.
#[derive(Debug, Default)]
pub(crate) struct Words {
    words: Vec<String>,
    /// What would be a flag anywhere but at the end.
    end: Vec<String>,
}

impl Words {
    /// A line that begins so.
    pub(crate) fn new(words: &[&str]) -> Self {
        Self { words: words.iter().map(|&word| word.to_owned()).collect(), end: Vec::new() }
    }

    /// A name.
    pub(crate) fn name(mut self, name: &str) -> Self {
        let place = if name.starts_with('-') { &mut self.end } else { &mut self.words };
        place.push(name.to_owned());
        self
    }

    /// `--name value`.
    pub(crate) fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.words.extend([name.to_owned(), value]);
        }
        self
    }

    /// `--name one --name other`.
    pub(crate) fn each(self, name: &str, values: &[String]) -> Self {
        values.iter().fold(self, |words, value| words.option(name, Some(value)))
    }

    /// `--name`.
    pub(crate) fn switch(mut self, name: &str, on: bool) -> Self {
        self.words.extend(on.then(|| name.to_owned()));
        self
    }

    /// The line as it can be typed.
    pub(crate) fn line(&self) -> String {
        let dashes = (!self.end.is_empty()).then_some("--");
        let words: Vec<_> =
            self.words.iter().map(String::as_str).chain(dashes).chain(self.end.iter().map(String::as_str)).collect();
        // A line with a NUL cannot be written for a shell; it can still be read by a person.
        shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
    }
}
