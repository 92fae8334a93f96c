//! OIDC tokens of a cluster: what they say, and whether the issuer's keys signed them.

mod claims;
mod discovery;
mod jwks;
mod token;

pub use claims::{TokenClaims, UnverifiedJwt};
pub use discovery::{Discovery, DiscoveryError, IssuerSite, discovery_url};
pub use jwks::{JwkSet, JwksError, SignatureFault};
pub use token::{MAX_TOKEN_CHARS, OidcToken, OidcTokenError};
