//! The hash that `End` carries: SHA-256 over the concatenated SHA-256 of the raw bodies of the pages, by seq. Writer and reader
//! need only 32 bytes of a page for it, and the reader may get the pages in any order.

use sha2::{Digest, Sha256};

/// What `End` remembers of the body of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageDigest {
    sha256: [u8; 32],
    length: u64,
}

impl PageDigest {
    /// Of the raw body as it was sent or received.
    #[must_use]
    pub fn of(body: &str) -> Self {
        Self { sha256: Sha256::digest(body).into(), length: body.len() as u64 }
    }

    /// The length of the body in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// The hash and the length of a run's pages, which must come by seq.
#[derive(Clone, Debug, Default)]
pub struct RunDigest {
    sha256: Sha256,
    pages: u32,
    bytes: u64,
}

impl RunDigest {
    /// Adds the page of the next seq.
    pub fn add(&mut self, page: &PageDigest) {
        self.sha256.update(page.sha256);
        self.pages += 1;
        self.bytes += page.length;
    }

    /// How many pages there were.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// The bytes of their bodies.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `End.sha256`. The hash of no page at all is that of nothing.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256.clone().finalize().into()
    }
}
