//! Resources: listing and reading them.

use mcp_core::jsonrpc::code;
use mcp_core::types::{Method, ReadResourceParams, ReadResourceResult};

use crate::cache::Key;
use crate::client::Client;
use crate::error::Error;
use crate::list::{ResourceTemplates, Resources};
use crate::options::CallOptions;
use crate::pending::{Repeat, Want};

impl Client {
    /// The resources of the server, page after page, each fetched when the one before is used up.
    pub fn resources(&self) -> Resources<'_> {
        Resources::new(self)
    }

    /// The templates of the server's resources, page after page.
    pub fn resource_templates(&self) -> ResourceTemplates<'_> {
        ResourceTemplates::new(self)
    }

    /// Reads a resource. Its contents are several when it is something like a directory (R-FS-26).
    ///
    /// In 2026-07-28 what is still fresh is not read again; see [`Builder::cache`](crate::Builder::cache). Reading changes
    /// nothing, so that a request whose answer is lost is made once more.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). A resource that is not there is [`Error::Rpc`] with the code -32002 or, since 2026-07-28,
    /// -32602 (R-FS-28); see [`Error::is_resource_not_found`].
    pub fn read_resource(&self, uri: &str) -> Result<ReadResourceResult, Error> {
        self.read_resource_with(uri, CallOptions::new())
    }

    /// As [`read_resource`](Self::read_resource), with a deadline of its own or otherwise. Progress is not told.
    ///
    /// # Errors
    ///
    /// As [`read_resource`](Self::read_resource).
    pub fn read_resource_with(&self, uri: &str, options: CallOptions<'_>) -> Result<ReadResourceResult, Error> {
        let want = Want { progress: false, repeat: Repeat::Safe, ..options.want(self.engine())? };
        let params = ReadResourceParams::new(uri);
        let (result, _) = self.engine().fetch(Method::ResourcesRead, Key::resource(uri), &params, &want)?;
        Ok(result)
    }
}

impl Error {
    /// Whether a [resource](Client::read_resource) is not there, whichever of the two codes says so (R-FS-28). The code of
    /// 2026-07-28 also stands for a URI that the server cannot read.
    pub fn is_resource_not_found(&self) -> bool {
        matches!(self, Self::Rpc(error) if matches!(error.code, code::RESOURCE_NOT_FOUND | code::INVALID_PARAMS))
    }
}
