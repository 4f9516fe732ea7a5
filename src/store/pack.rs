//! Many objects as one pack: a file of deflated objects and its index, written beside each other and
//! then renamed into place, the index last: git looks at a pack only when it has one.
//!
//! No deltas: the next `git gc` finds better ones than we could in the time of a publication.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::{Compression, Crc, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use crate::api::names::ObjectId;

use super::batch::{Kind, Pending};

/// Largest pack: the index that we write has offsets of 31 bits.
const PACK_BYTES_MAX: usize = (1 << 31) - 1;

/// Where one object is in the pack.
struct Place {
    id: ObjectId,
    crc: u32,
    offset: u32,
}

/// Writes `objects` as one pack into the repository at `common_dir`, and syncs it to disk.
pub(super) fn write(common_dir: &Path, objects: &[Pending]) -> io::Result<()> {
    let (pack, checksum, places) = render(objects)?;
    let index = render_index(places, checksum);
    let dir = common_dir.join("objects").join("pack");
    std::fs::create_dir_all(&dir)?;
    let name = ObjectId::from_bytes(checksum);
    put(&dir, &format!("pack-{name}.pack"), &pack)?;
    put(&dir, &format!("pack-{name}.idx"), &index)?;
    std::fs::File::open(&dir)?.sync_all()
}

/// The bytes of the pack, their checksum, and where each object is.
fn render(objects: &[Pending]) -> io::Result<(Vec<u8>, [u8; 20], Vec<Place>)> {
    let mut pack =
        Vec::with_capacity(objects.iter().map(|object| object.bytes.len() / 2 + 32).sum());
    pack.extend_from_slice(b"PACK");
    pack.extend_from_slice(&2u32.to_be_bytes());
    let n_objects = u32::try_from(objects.len()).expect("a batch fits in memory");
    pack.extend_from_slice(&n_objects.to_be_bytes());
    let mut places = Vec::with_capacity(objects.len());
    for object in objects {
        let start = pack.len();
        push_header(&mut pack, object);
        let mut encoder = ZlibEncoder::new(&mut pack, Compression::fast());
        encoder.write_all(&object.bytes)?;
        encoder.finish()?;
        if pack.len() > PACK_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the pack has over 2 GiB"));
        }
        let mut crc = Crc::new();
        crc.update(&pack[start..]);
        places.push(Place { id: object.id, crc: crc.sum(), offset: start as u32 });
    }
    let checksum: [u8; 20] = Sha1::digest(&pack).into();
    pack.extend_from_slice(&checksum);
    Ok((pack, checksum, places))
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

/// The bytes of a version 2 index: how many ids begin with at most each byte, ids, checksums of the
/// deflated objects, offsets.
fn render_index(mut places: Vec<Place>, pack_checksum: [u8; 20]) -> Vec<u8> {
    places.sort_by_key(|place| place.id);
    let mut index = Vec::with_capacity(8 + 1024 + places.len() * 28 + 40);
    index.extend_from_slice(b"\xfftOc");
    index.extend_from_slice(&2u32.to_be_bytes());
    for first in 0..=u8::MAX {
        let n_up_to = places.partition_point(|place| place.id.as_bytes()[0] <= first) as u32;
        index.extend_from_slice(&n_up_to.to_be_bytes());
    }
    for place in &places {
        index.extend_from_slice(place.id.as_bytes());
    }
    for place in &places {
        index.extend_from_slice(&place.crc.to_be_bytes());
    }
    for place in &places {
        index.extend_from_slice(&place.offset.to_be_bytes());
    }
    index.extend_from_slice(&pack_checksum);
    let checksum = Sha1::digest(&index);
    index.extend_from_slice(&checksum);
    index
}

/// Writes a file under a name that git takes for unfinished, then gives it its own.
fn put(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix("tmp_pack_").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o444))?;
    file.as_file().sync_all()?;
    file.persist(dir.join(name)).map_err(|error| error.error)?;
    Ok(())
}
