//! Many objects as one pack: a file of deflated objects, which grows as they come, and its index. Both
//! are renamed into place, the index last: git looks at a pack only when it has one.
//!
//! No deltas: the next `git gc` finds better ones than we could in the time of a publication.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, Crc, write::ZlibEncoder};
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;

use crate::api::names::ObjectId;

use super::batch::Kind;

/// Largest pack: the index that we write has offsets of 31 bits.
const PACK_BYTES_MAX: usize = (1 << 31) - 1;
/// Bytes of the pack that are read at a time for its checksum.
const CHUNK_BYTES: usize = 64 << 10;

/// Where one object is in the pack.
struct Place {
    crc: u32,
    offset: u32,
}

/// A pack in the making. Dropped before [`Pack::finish`], it leaves nothing.
pub(super) struct Pack {
    dir: PathBuf,
    file: BufWriter<NamedTempFile>,
    n_bytes: usize,
    places: BTreeMap<ObjectId, Place>,
    encoder: ZlibEncoder<Vec<u8>>,
}

impl Pack {
    /// Begins a pack of the repository at `common_dir`.
    pub(super) fn begin(common_dir: &Path) -> io::Result<Self> {
        let dir = common_dir.join("objects").join("pack");
        std::fs::create_dir_all(&dir)?;
        let mut file = BufWriter::new(unfinished(&dir)?);
        let header = header(0);
        file.write_all(&header)?;
        Ok(Self {
            dir,
            file,
            n_bytes: header.len(),
            places: BTreeMap::new(),
            encoder: ZlibEncoder::new(Vec::new(), Compression::fast()),
        })
    }

    pub(super) fn n_objects(&self) -> usize {
        self.places.len()
    }

    /// Adds the object `id`, unless it is there.
    pub(super) fn add(&mut self, kind: Kind, id: ObjectId, bytes: &[u8]) -> io::Result<()> {
        if self.places.contains_key(&id) {
            return Ok(());
        }
        push_header(self.encoder.get_mut(), kind, bytes.len());
        self.encoder.write_all(bytes)?;
        let object = self.encoder.reset(Vec::new())?;
        let offset = self.n_bytes as u32;
        self.n_bytes += object.len();
        if self.n_bytes > PACK_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the pack has over 2 GiB"));
        }
        self.file.write_all(&object)?;
        let mut crc = Crc::new();
        crc.update(&object);
        self.places.insert(id, Place { crc: crc.sum(), offset });
        Ok(())
    }

    /// Gives pack and index their names, synced to disk.
    pub(super) fn finish(self) -> io::Result<()> {
        let Self { dir, file, places, .. } = self;
        let mut file = file.into_inner()?;
        let n_objects = u32::try_from(places.len()).expect("each is at an offset of 31 bits");
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header(n_objects))?;
        let checksum = checksum(file.as_file_mut())?;
        file.write_all(&checksum)?;
        let name = ObjectId::from_bytes(checksum);
        let mut index = unfinished(&dir)?;
        index.write_all(&render_index(&places, checksum))?;
        put(file, &dir.join(format!("pack-{name}.pack")))?;
        put(index, &dir.join(format!("pack-{name}.idx")))?;
        File::open(&dir)?.sync_all()
    }
}

/// A file under a name that git takes for unfinished.
fn unfinished(dir: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix("tmp_pack_").tempfile_in(dir)
}

/// The first bytes of a pack of so many objects.
fn header(n_objects: u32) -> [u8; 12] {
    let mut header = *b"PACK\0\0\0\x02\0\0\0\0";
    header[8..].copy_from_slice(&n_objects.to_be_bytes());
    header
}

/// The checksum of the whole file, which is read up to its end. Only now can it be made: it begins
/// with the number of objects.
fn checksum(file: &mut File) -> io::Result<[u8; 20]> {
    file.seek(SeekFrom::Start(0))?;
    let mut sha1 = Sha1::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(sha1.finalize().into()),
            n_bytes => sha1.update(&chunk[..n_bytes]),
        }
    }
}

/// Type and size, seven bits a byte, the first byte four.
fn push_header(pack: &mut Vec<u8>, kind: Kind, mut size: usize) {
    let code: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
    };
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
fn render_index(places: &BTreeMap<ObjectId, Place>, pack_checksum: [u8; 20]) -> Vec<u8> {
    let mut index = Vec::with_capacity(8 + 1024 + places.len() * 28 + 40);
    index.extend_from_slice(b"\xfftOc");
    index.extend_from_slice(&2u32.to_be_bytes());
    let mut n_by_first = [0u32; 256];
    for id in places.keys() {
        n_by_first[usize::from(id.as_bytes()[0])] += 1;
    }
    let mut n_up_to = 0;
    for n in n_by_first {
        n_up_to += n;
        index.extend_from_slice(&u32::to_be_bytes(n_up_to));
    }
    for id in places.keys() {
        index.extend_from_slice(id.as_bytes());
    }
    for place in places.values() {
        index.extend_from_slice(&place.crc.to_be_bytes());
    }
    for place in places.values() {
        index.extend_from_slice(&place.offset.to_be_bytes());
    }
    index.extend_from_slice(&pack_checksum);
    let checksum = Sha1::digest(&index);
    index.extend_from_slice(&checksum);
    index
}

/// Gives a file its own name once all of it is on disk.
fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().set_permissions(Permissions::from_mode(0o444))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
