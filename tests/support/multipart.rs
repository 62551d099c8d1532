//! Multipart bodies byte by byte, for what no decent client would send.

/// A part: its headers without the last line end, and its content.
pub type Part = (String, Vec<u8>);

/// The metadata of a submission.
pub fn metadata(json: &str) -> Part {
    part("metadata", "application/json", json)
}

/// The data of a submission.
pub fn data(media_type: &str, content: impl AsRef<[u8]>) -> Part {
    part("data", media_type, content)
}

/// An attachment.
pub fn attachment(file: &str, content: impl AsRef<[u8]>) -> Part {
    let head = format!(
        "Content-Disposition: form-data; name=\"attachment\"; filename=\"{file}\"\r\nContent-Type: application/pdf"
    );
    (head, content.as_ref().to_vec())
}

/// A part of any name.
pub fn part(name: &str, media_type: &str, content: impl AsRef<[u8]>) -> Part {
    let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {media_type}");
    (head, content.as_ref().to_vec())
}

/// The body.
pub fn body(boundary: &str, parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}
