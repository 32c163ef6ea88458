//! Queries that are written in kubectl's words, put into the collector's own requests. What the words mean is gumshoe-kubectl's to
//! say.

use gumshoe_kubectl::{Line, Refusal, parse};
use gumshoe_proto::bridge::v1::{Query, QueryOutcome, query::Request};
use tonic::Code;

use crate::dispatch::error;

/// The queries of a command, with requests in all of them that can be asked.
#[derive(Debug)]
pub(crate) struct Understood {
    /// In the order of the command; the outcome of those that cannot be asked.
    pub queries: Vec<Result<Query, Box<QueryOutcome>>>,
    /// Those that were written in words.
    pub told: Vec<Query>,
}

/// Puts words into requests. What cannot be understood fails its own query, and no other.
#[must_use]
pub(crate) fn understand(queries: Vec<Query>) -> Understood {
    let mut told = Vec::new();
    let mut one = |query: Query| {
        let Some(Request::Kubectl(words)) = &query.request else { return Ok(query) };
        let request = request(words).map_err(|refusal| refused(&query, &refusal))?;
        let query = Query { request: Some(request), ..query };
        told.push(query.clone());
        Ok(query)
    };
    let queries = queries.into_iter().map(&mut one).collect();
    Understood { queries, told }
}

fn request(words: &str) -> Result<Request, Refusal> {
    let Line { collector, request, presentation: _ } = parse(words)?;
    if collector.is_empty() {
        Ok(request.into())
    } else {
        let text = "`--collector` is for `gumshoe run --query`: a query has a field `collector`";
        Err(Refusal::NotSupported(text.to_owned()))
    }
}

fn refused(query: &Query, refusal: &Refusal) -> Box<QueryOutcome> {
    let error = error(Code::InvalidArgument, refusal.reason(), &format!("kubectl: {refusal}"));
    Box::new(QueryOutcome { query_id: query.id.clone(), error: Some(error), ..QueryOutcome::default() })
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{GetPodRequest, ListPodsRequest};

    use super::*;

    fn mk_query(id: &str, request: Request) -> Query {
        Query { id: id.into(), collector: "west".into(), request: Some(request) }
    }

    fn mk_words(id: &str, words: &str) -> Query {
        mk_query(id, Request::Kubectl(words.into()))
    }

    #[test]
    fn words_become_the_request_that_they_mean_and_all_else_stays_as_it_is() {
        let typed = mk_query("typed", Request::GetPod(GetPodRequest::default()));
        let list = ListPodsRequest { namespaces: vec!["shop".into()], ..ListPodsRequest::default() };
        let meant = mk_query("words", Request::ListPods(list));
        let understood = understand(vec![typed.clone(), mk_words("words", "kubectl get po -n shop -o json")]);
        assert_eq!(understood.queries, [Ok(typed), Ok(meant.clone())]);
        assert_eq!(understood.told, [meant]);
    }

    #[test]
    fn what_is_not_understood_is_an_error_of_its_query() {
        for (words, reason) in [
            ("", "KUBECTL_SYNTAX"),
            ("get pods -l 'app", "KUBECTL_SYNTAX"),
            ("exec web-0 -- sh", "KUBECTL_NOT_SUPPORTED"),
            ("get pods --collector east", "KUBECTL_NOT_SUPPORTED"),
        ] {
            let understood = understand(vec![mk_words("q", words), mk_words("other", "get pods")]);
            let refused = understood.queries[0].as_ref().expect_err(words);
            let error = refused.error.clone().unwrap();
            assert_eq!((refused.query_id.as_str(), error.code.as_str()), ("q", "INVALID_ARGUMENT"));
            assert_eq!(error.reason, reason, "{words}: {}", error.message);
            assert!(understood.queries[1].is_ok());
            assert_eq!(understood.told.len(), 1);
        }
    }
}
