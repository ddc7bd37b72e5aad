//! The style sheet, the script and the icons, inside the binary. Each has its hash in its name, so that a
//! browser may keep an address for ever, and lies there plain and compressed (`build.rs`).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header},
};

use crate::error::Error;

include!(concat!(env!("OUT_DIR"), "/static_files.rs"));

/// A file that pages refer to.
struct StaticFile {
    address: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

/// `GET /static/{file}`
///
/// # Errors
/// [`Error::NotFound`]
pub async fn file(request: HttpRequest) -> Result<HttpResponse, Error> {
    let file = FILES
        .iter()
        .find(|file| file.address == request.path())
        .ok_or(Error::NotFound)?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(file.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "Accept-Encoding"));
    Ok(match file.as_accepted(&request) {
        Some((encoding, bytes)) => response.insert_header(encoding).body(bytes),
        None => response.body(file.plain),
    })
}

impl StaticFile {
    /// The compressed form that the browser likes best, if it takes one.
    fn as_accepted(&self, request: &HttpRequest) -> Option<(ContentEncoding, &'static [u8])> {
        let forms = [
            (Encoding::brotli(), ContentEncoding::Brotli, self.brotli),
            (Encoding::gzip(), ContentEncoding::Gzip, self.gzip),
        ];
        if !request.headers().contains_key(header::ACCEPT_ENCODING) {
            return None;
        }
        let accepted = AcceptEncoding::parse(request).ok()?;
        let chosen = accepted.negotiate(forms.iter().map(|(name, ..)| name))?;
        forms
            .into_iter()
            .find(|(name, ..)| *name == chosen)
            .map(|(_, form, bytes)| (form, bytes))
    }
}
