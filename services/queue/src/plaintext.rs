//! Refuses to send anything in plain text over a network, wherever the endpoint came from: a URL, a variable, a profile.

use aws_sdk_sqs::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use http::Uri;

use crate::url::is_private;

/// The endpoint is `http://` and not on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the AWS endpoint {0} is refused: http is for loopback addresses only")]
pub struct PlaintextEndpoint(pub(crate) Uri);

/// Looks at each request to SQS right before it is sent; what the SDK sends elsewhere, [`https_client`](crate::http_client) looks at.
#[derive(Debug)]
pub struct RefusePlaintext;

impl Intercept for RefusePlaintext {
    fn name(&self) -> &'static str {
        "RefusePlaintext"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri: Uri = context.request().uri().parse()?;
        if is_private(&uri) { Ok(()) } else { Err(PlaintextEndpoint(uri).into()) }
    }
}
