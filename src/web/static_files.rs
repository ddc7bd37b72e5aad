//! The style sheet, the script and the icons, inside the binary.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::{error::Error, secrets::sha256_hex};

const FILES: [(&str, &str, &[u8]); 3] = [
    (
        "console.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/console.css"),
    ),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/console.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_bytes!("../../static/icon.svg"),
    ),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<u8> = FILES
        .iter()
        .flat_map(|(_, _, bytes)| bytes.iter().copied())
        .collect();
    sha256_hex(&all)[..12].to_owned()
});

/// Changes with any of the files, so that browsers may keep each address for ever.
pub fn version() -> &'static str {
    &VERSION
}

/// `GET /static/{file}`
///
/// # Errors
/// [`Error::NotFound`]
pub async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Error> {
    let (_, kind, bytes) = FILES
        .iter()
        .find(|(file, _, _)| *file == *name)
        .ok_or(Error::NotFound)?;
    let is_versioned = request.query_string() == format!("v={}", version());
    let keep = if is_versioned {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=300"
    };
    Ok(HttpResponse::Ok()
        .content_type(*kind)
        .insert_header((header::CACHE_CONTROL, keep))
        .body(*bytes))
}
