//! The words of a line.

/// The words of a line, of which those that say nothing are left out.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// A line that begins so.
    pub(crate) fn new(words: &[&str]) -> Self {
        Self(words.iter().map(|&word| word.to_owned()).collect())
    }

    /// `--name value`.
    pub(crate) fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.extend([name.to_owned(), value]);
        }
        self
    }

    /// `--name one --name other`.
    pub(crate) fn each(self, name: &str, values: &[String]) -> Self {
        values.iter().fold(self, |words, value| words.option(name, Some(value)))
    }

    /// `--name`.
    pub(crate) fn switch(mut self, name: &str, on: bool) -> Self {
        self.0.extend(on.then(|| name.to_owned()));
        self
    }

    /// The line as it can be typed.
    pub(crate) fn line(&self) -> String {
        // A line with a NUL cannot be written for a shell; it can still be read by a person.
        shlex::try_join(self.0.iter().map(String::as_str)).unwrap_or_else(|_| self.0.join(" "))
    }
}
