//! Prepares the files of `static/` for the binary: each under a name with its hash, plain and compressed.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=static");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut paths: Vec<PathBuf> = fs::read_dir("static")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();

    let (mut addresses, mut files) = (String::new(), String::new());
    for path in paths {
        let Some(kind) = content_type(&path) else {
            continue;
        };
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or("a file of static/ has no readable name")?;
        let bytes = fs::read(&path)?;
        let hashed = hashed(name, &bytes);
        let compressed = |ending: &str| out.join(format!("{hashed}.{ending}"));
        fs::write(out.join(&hashed), &bytes)?;
        fs::write(compressed("br"), brotli(&bytes)?)?;
        fs::write(compressed("gz"), gzip(&bytes)?)?;

        let constant = name.replace(['.', '-'], "_").to_uppercase();
        writeln!(
            addresses,
            "/// The address of `static/{name}`.\npub const {constant}: &str = \"/static/{hashed}\";"
        )?;
        let embedded = |file: PathBuf| format!("include_bytes!({:?})", file.display().to_string());
        writeln!(
            files,
            "    StaticFile {{ address: {constant}, content_type: {kind:?}, plain: {}, brotli: {}, gzip: {} }},",
            embedded(out.join(&hashed)),
            embedded(compressed("br")),
            embedded(compressed("gz")),
        )?;
    }
    let table = format!("{addresses}\nstatic FILES: &[StaticFile] = &[\n{files}];\n");
    fs::write(out.join("static_files.rs"), table)?;
    Ok(())
}

/// None for what is no file of a page, such as a licence.
fn content_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

/// console.css → console.0123456789ab.css
fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{hash}.{ending}"),
        None => format!("{name}.{hash}"),
    }
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut compressed = Vec::new();
    {
        let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22);
        writer.write_all(bytes)?;
    }
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}
