//! Errors of the parts as failures of the protocol: which code, and which words.

use millrace_model::{Diagnostic, TextError};
use millrace_protocol::{Failure, FailureCode};
use millrace_store::StoreError;

pub(crate) fn of_store(error: StoreError) -> Failure {
    let code = match error {
        StoreError::NoSuchProject { .. } | StoreError::NoSuchRevision { .. } | StoreError::NoSuchCapture { .. } => {
            FailureCode::NotFound
        }
        StoreError::Conflict { .. } | StoreError::HistoryGap { .. } => FailureCode::Conflict,
        _ => FailureCode::Storage,
    };
    Failure::new(code, sentence(&error))
}

pub(crate) fn of_text(error: TextError) -> Failure {
    Failure::new(FailureCode::Unreadable, sentence(&error))
}

/// A pipeline that cannot run, with everything that is wrong with it.
pub(crate) fn of_diagnostics(diagnostics: Vec<Diagnostic>) -> Failure {
    let mut errors = diagnostics.iter().filter(|problem| problem.is_error());
    let message = match (errors.next(), errors.count()) {
        (Some(first), 0) => first.message.clone(),
        (Some(first), more) => format!("{} And {more} more: see the problems.", first.message),
        (None, _) => "The pipeline cannot run.".to_owned(),
    };
    Failure { code: FailureCode::InvalidPipeline, message, diagnostics }
}

/// The error's text as a sentence: with a capital letter and a full stop.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_told_and_the_others_are_counted() {
        let warning = Diagnostic::warning("w", "Only a warning.");
        let error = |message: &str| Diagnostic::error("e", message);
        let failure = of_diagnostics(vec![warning, error("One."), error("Two."), error("Three.")]);
        assert_eq!(failure.message, "One. And 2 more: see the problems.");
        assert_eq!(failure.diagnostics.len(), 4);
        assert_eq!(of_diagnostics(vec![error("One.")]).message, "One.");
    }
}
