//! Many objects as one pack: a stream of deflated objects that libgit2 checks and indexes.
//!
//! No deltas: the next `git gc` finds better ones than we could in the time of a publication.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use super::batch::{Kind, Pending};

/// Writes `objects` as one pack into the database.
pub(super) fn write(odb: &git2::Odb<'_>, objects: &[Pending]) -> Result<(), git2::Error> {
    let mut pack =
        Vec::with_capacity(objects.iter().map(|object| object.bytes.len() / 2 + 32).sum());
    pack.extend_from_slice(b"PACK");
    pack.extend_from_slice(&2u32.to_be_bytes());
    let n_objects = u32::try_from(objects.len()).expect("a batch fits in memory");
    pack.extend_from_slice(&n_objects.to_be_bytes());
    for object in objects {
        push_header(&mut pack, object);
        let mut encoder = ZlibEncoder::new(&mut pack, Compression::fast());
        encoder.write_all(&object.bytes).expect("a Vec takes every byte");
        encoder.finish().expect("a Vec takes every byte");
    }
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    let mut writer = odb.packwriter()?;
    writer.write_all(&pack).map_err(|error| git2::Error::from_str(&error.to_string()))?;
    writer.commit()?;
    Ok(())
}

/// Type and size, seven bits a byte, the first byte four.
fn push_header(pack: &mut Vec<u8>, object: &Pending) {
    let code: u8 = match object.kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
    };
    let mut size = object.bytes.len();
    let mut byte = (code << 4) | (size & 0x0f) as u8;
    size >>= 4;
    while size > 0 {
        pack.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    pack.push(byte);
}
