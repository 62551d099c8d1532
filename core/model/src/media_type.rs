//! Media types and the endings of files.

/// The usual file name extension of a media type.
pub fn extension(media_type: &str) -> &'static str {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/csv" => "csv",
        "text/html" => "html",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/tiff" => "tif",
        "application/zip" => "zip",
        _ if essence.ends_with("/xml") || essence.ends_with("+xml") => "xml",
        _ if essence.ends_with("/json") || essence.ends_with("+json") => "json",
        _ => "bin",
    }
}
