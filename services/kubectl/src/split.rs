//! A line into words, as a shell splits it, where the shell would do no more than that: what would start another program, read a file or
//! write one is refused. Nothing is expanded.

use std::str::Chars;

use crate::refusal::{self, Refusal};

/// What a shell reads as its own, where it is not quoted.
const OPERATORS: [char; 8] = ['|', ';', '&', '<', '>', '(', ')', '`'];

const NO_SHELL: &str = "the line is read without a shell, so nothing is piped, redirected, put in or run behind it: --include REGEX and --tail N choose the lines of a log, a selector (-l) the objects of a list; a sign that belongs to a value is quoted";

/// The words of a line.
///
/// # Errors
/// A quote is not closed, or the line is one for a shell.
pub(crate) fn split(line: &str) -> Result<Vec<String>, Refusal> {
    let mut words = Splitting { rest: line.chars(), words: Vec::new(), word: None };
    words.all()?;
    Ok(words.words)
}

struct Splitting<'a> {
    rest: Chars<'a>,
    words: Vec<String>,
    /// The word that is being read; empty between quotes that hold nothing.
    word: Option<String>,
}

impl Splitting<'_> {
    fn all(&mut self) -> Result<(), Refusal> {
        while let Some(char) = self.rest.next() {
            match char {
                ' ' | '\t' | '\n' | '\r' => self.words.extend(self.word.take()),
                '\'' => self.single()?,
                '"' => self.double()?,
                '\\' => self.escaped()?,
                '#' if self.word.is_none() => self.comment(),
                it if OPERATORS.contains(&it) => return Err(refusal::flag(&it.to_string(), NO_SHELL)),
                it => self.word().push(it),
            }
        }
        self.words.extend(self.word.take());
        Ok(())
    }

    fn word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn single(&mut self) -> Result<(), Refusal> {
        let (text, rest) = self.rest.as_str().split_once('\'').ok_or_else(open)?;
        self.rest = rest.chars();
        self.word().push_str(text);
        Ok(())
    }

    fn double(&mut self) -> Result<(), Refusal> {
        self.word();
        loop {
            match self.rest.next().ok_or_else(open)? {
                '"' => return Ok(()),
                '\\' => match self.rest.next().ok_or_else(open)? {
                    '\n' => {}
                    it @ ('$' | '`' | '"' | '\\') => self.word().push(it),
                    it => self.word().extend(['\\', it]),
                },
                it => self.word().push(it),
            }
        }
    }

    /// What stands behind `\`: the end of a line, which goes on in the next one, or a sign that means itself.
    fn escaped(&mut self) -> Result<(), Refusal> {
        match self.rest.next() {
            Some('\n') => {}
            // Lines end so on Windows.
            Some('\r') if self.rest.as_str().starts_with('\n') => {}
            Some(it) => self.word().push(it),
            None => return Err(Refusal::Syntax("nothing stands behind the last \\".to_owned())),
        }
        Ok(())
    }

    fn comment(&mut self) {
        self.rest = self.rest.as_str().split_once('\n').map_or("", |(_, rest)| rest).chars();
    }
}

fn open() -> Refusal {
    Refusal::Syntax("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_line_may_be_broken_as_in_a_shell() {
        let expected = ["get", "pods", "-n", "shop", "-l", "app=web"];
        for line in [
            "get pods \\\n  -n shop \\\n  -l app=web",
            "get pods \\\r\n  -n shop -l app=web\r\n",
            "get pods -n sh\\\nop -l \"app\\\n=web\" # as always",
            "get pods -n shop\r-l app=web \\\n",
        ] {
            assert_eq!(split(line).as_deref(), Ok(expected.map(str::to_owned).as_slice()), "{line:?}");
        }
    }

    #[test]
    fn what_is_for_a_shell_is_refused_unless_it_is_quoted() {
        for line in [
            "get pods | grep web",
            "logs web-0 |tail",
            "logs web-0 --include a|b",
            "get pods 2>&1",
            "get pods 2>/dev/null",
            "get pods; get svc",
            "get pods && get svc",
            "get pods < file",
            "logs $(kubectl get pods -o name)",
            "logs `kubectl get pods -o name`",
            "get pods -l app in (web, db)",
        ] {
            let refused = split(line).expect_err(line);
            assert_eq!(refused.reason(), "KUBECTL_NOT_SUPPORTED", "{line}");
            assert!(refused.to_string().contains("--include"), "{refused}");
        }
        for line in ["'a|b;&<>()'", "\"a|b;&<>()\"", "a\\|b\\;\\&\\<\\>\\(\\)"] {
            assert_eq!(split(line).as_deref(), Ok(["a|b;&<>()".to_owned()].as_slice()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn words_are_split_as_a_shell_does(line in "[a-c '\"\\\\$#\t\n-]{0,24}") {
            // The crate takes a broken line between two words for an empty word, and a shell does not.
            prop_assume!(!line.contains("\\\n"));
            prop_assert_eq!(split(&line).ok(), shlex::split(&line), "{:?}", line);
        }

        #[test]
        fn what_is_quoted_is_read_back(words in vec("[^\0]{0,8}", 0..5)) {
            let line = shlex::try_join(words.iter().map(String::as_str)).expect("no NUL");
            prop_assert_eq!(split(&line), Ok(words), "{}", line);
        }
    }
}
