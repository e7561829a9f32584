//! Makes verifiers and keys of passwords, and compares passwords with verifiers.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::chat::password::{Password, PasswordAnswer, PasswordJob};
use crate::chat::scram_keys::{self, ScramKeys};

/// The parameters of new verifiers: OWASP's Password Storage Cheat Sheet, section "Argon2id". Memory in KiB, passes,
/// lanes; bytes of salt and of output.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// The most memory in KiB that a verifier may ask for, and the most memory times passes. Such a verifier takes about a
/// second; one that asks for more is broken.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_WORK: u64 = 1024 * 1024;

/// Computes argon2id hashes. It keeps the memory of a usual hash, which is made for the first one.
#[derive(Default)]
pub struct Argon2id {
    memory: Vec<Block>,
}

impl Argon2id {
    /// Does one piece of work. Without random numbers, without memory, or with a broken verifier it fails.
    pub fn answer(&mut self, job: &PasswordJob) -> PasswordAnswer {
        self.compute(job).unwrap_or(PasswordAnswer::Failed)
    }

    fn compute(&mut self, job: &PasswordJob) -> Option<PasswordAnswer> {
        let password = match job {
            PasswordJob::Hash { password } => password,
            PasswordJob::Verify { password, verifier, .. } if !self.is_right(password, verifier)? => {
                return Some(PasswordAnswer::Wrong);
            }
            PasswordJob::Verify { password, new, .. } => new.as_ref().unwrap_or(password),
        };
        let (makes_verifier, makes_keys) = job.makes();
        let verifier = if makes_verifier { Some(self.make_verifier(password)?) } else { None };
        let scram = if makes_keys { Some(make_keys(password)?) } else { None };
        Some(PasswordAnswer::Right { verifier, scram })
    }

    /// Makes a verifier with a new salt.
    fn make_verifier(&mut self, password: &Password) -> Option<Box<str>> {
        let salt: [u8; SALT] = random()?;
        let params = Params::new(MEMORY, PASSES, LANES, Some(OUTPUT)).ok()?;
        let output = self.hash(password, &salt, &params, Version::V0x13)?;
        let verifier = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(output),
        };
        Some(verifier.to_string().into())
    }

    /// Compares a password with a verifier, in constant time; `None` if the verifier is broken.
    fn is_right(&mut self, password: &Password, verifier: &str) -> Option<bool> {
        let verifier = PasswordHash::new(verifier).ok()?;
        let params = Params::try_from(&verifier).ok()?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if verifier.algorithm != ARGON2ID_IDENT || params.m_cost() > MAX_MEMORY || work > MAX_WORK {
            return None;
        }
        let version = Version::try_from(verifier.version?).ok()?;
        Some(self.hash(password, &verifier.salt?, &params, version)? == verifier.hash?)
    }

    fn hash(&mut self, password: &Password, salt: &[u8], params: &Params, version: Version) -> Option<Output> {
        let (needed, kept) = (params.block_count(), MEMORY as usize);
        if self.memory.len() < needed {
            let size = needed.max(kept);
            self.memory.try_reserve_exact(size - self.memory.len()).ok()?;
            self.memory.resize(size, Block::default());
        }
        let hasher = Argon2::new(Algorithm::Argon2id, version, params.clone());
        let mut buffer = [0; Output::MAX_LENGTH];
        let output = buffer.get_mut(..params.output_len()?)?;
        let memory = &mut self.memory[..needed];
        let done = hasher.hash_password_into_with_memory(password.text().as_bytes(), salt, output, memory);
        self.memory.truncate(kept);
        self.memory.shrink_to(kept);
        done.ok().and_then(|()| Output::new(output).ok())
    }
}

/// Makes keys with a new salt.
fn make_keys(password: &Password) -> Option<Box<str>> {
    Some(ScramKeys::derive(password, random()?, scram_keys::ITERATIONS).to_string().into())
}

/// Random bytes, at most 256: from this size down it is all or an error, getrandom(2).
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom(&mut bytes, GetRandomFlags::empty()).ok().filter(|&n| n == N).map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(hasher: &mut Argon2id, password: &str) -> Box<str> {
        match hasher.answer(&PasswordJob::Hash { password: Password::new(password) }) {
            PasswordAnswer::Right { verifier: Some(verifier), scram: Some(_) } => verifier,
            other => panic!("{other:?}"),
        }
    }

    fn job(password: &str, verifier: &str, new: Option<&str>, scram: bool) -> PasswordJob {
        let (password, new) = (Password::new(password), new.map(Password::new));
        PasswordJob::Verify { password, verifier: verifier.into(), new, scram }
    }

    fn verify(hasher: &mut Argon2id, password: &str, verifier: &str) -> PasswordAnswer {
        hasher.answer(&job(password, verifier, None, false))
    }

    const RIGHT: PasswordAnswer = PasswordAnswer::Right { verifier: None, scram: None };

    /// Whether keys are those of a password.
    fn is_made_of(scram: &str, password: &str) -> bool {
        let keys: ScramKeys = scram.parse().unwrap();
        assert_eq!(keys.iterations(), scram_keys::ITERATIONS);
        keys == ScramKeys::derive(&Password::new(password), keys.salt().try_into().unwrap(), keys.iterations())
    }

    #[test]
    fn keys_are_made_of_the_password_that_holds_from_now_on() {
        let hasher = &mut Argon2id::default();
        let hashed = hasher.answer(&PasswordJob::Hash { password: Password::new("old") });
        let PasswordAnswer::Right { verifier: Some(verifier), scram: Some(first) } = hashed else { panic!("no keys") };
        let answer = hasher.answer(&job("old", &verifier, None, true));
        let PasswordAnswer::Right { verifier: None, scram: Some(second) } = answer else { panic!("{answer:?}") };
        assert!(is_made_of(&first, "old") && is_made_of(&second, "old") && !is_made_of(&first, "olt"));
        assert_ne!(first, second, "no salt");
        for scram in [false, true] {
            let answer = hasher.answer(&job("old", &verifier, Some("new"), scram));
            let PasswordAnswer::Right { verifier: Some(_), scram: Some(keys) } = answer else { panic!("{answer:?}") };
            assert!(is_made_of(&keys, "new"));
            assert_eq!(hasher.answer(&job("olt", &verifier, None, scram)), PasswordAnswer::Wrong);
        }
    }

    #[test]
    fn verifiers_have_the_parameters_of_owasp_and_their_own_salt() {
        let hasher = &mut Argon2id::default();
        let made = [hash(hasher, "secret"), hash(hasher, "secret")];
        let parsed = made.each_ref().map(|verifier| PasswordHash::new(verifier).unwrap());
        for (text, parsed) in made.iter().zip(&parsed) {
            assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
            assert_eq!((parsed.salt.unwrap().len(), parsed.hash.unwrap().len()), (16, 32));
        }
        assert_ne!(parsed[0].salt, parsed[1].salt);
        assert_ne!(parsed[0].hash, parsed[1].hash);
    }

    #[test]
    fn only_the_same_password_is_right() {
        let hasher = &mut Argon2id::default();
        let long = "x".repeat(256);
        for password in ["secret", "пароль", long.as_str()] {
            let verifier = hash(hasher, password);
            assert_eq!(verify(hasher, password, &verifier), RIGHT);
            for wrong in ["Secret", "secret_", "", &long[1..]] {
                assert_eq!(verify(hasher, wrong, &verifier), PasswordAnswer::Wrong, "{password} {wrong}");
            }
        }
    }

    #[test]
    fn verifier_is_compared_with_its_own_parameters() {
        // From the tests of the reference implementation, <https://github.com/P-H-C/phc-winner-argon2>, src/test.c.
        let verifiers = [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ];
        let hasher = &mut Argon2id::default();
        for verifier in verifiers {
            assert_eq!(verify(hasher, "password", verifier), RIGHT, "{verifier}");
            assert_eq!(verify(hasher, "passwore", verifier), PasswordAnswer::Wrong, "{verifier}");
            assert!(hasher.memory.capacity() <= MEMORY as usize, "the memory of a larger hash is kept");
        }
    }

    #[test]
    fn new_password_needs_the_right_one() {
        let hasher = &mut Argon2id::default();
        let verifier = hash(hasher, "old");
        let mut change = |password: &str| hasher.answer(&job(password, &verifier, Some("new"), false));
        assert_eq!(change("olt"), PasswordAnswer::Wrong);
        let PasswordAnswer::Right { verifier: Some(changed), .. } = change("old") else { panic!("no new verifier") };
        assert_eq!(verify(hasher, "new", &changed), RIGHT);
        assert_eq!(verify(hasher, "old", &changed), PasswordAnswer::Wrong);
    }

    #[test]
    fn broken_verifiers_fail() {
        let hasher = &mut Argon2id::default();
        let good = hash(hasher, "secret");
        let mut broken = vec![
            String::new(),
            "$".into(),
            "secret".into(),
            good.replace("argon2id", "argon2i"),
            good.replace("argon2id", "scrypt"),
            good.replace("v=19", "v=18"),
            good.replace("$v=19", ""),
            good.replace("m=19456", "m=7"),
            good.replace("m=19456", "m=4294967295"),
            good.replace("m=19456", "m=262145"),
            good.replace("t=2", "t=0"),
            good.replace("t=2", "t=4294967295"),
            good.replace("p=1", "p=16777215"),
            good.replace("p=1", "q=1"),
        ];
        // Cut off before the salt or the hash, or in the hash so that its length is that of no hash.
        broken.extend(good.match_indices('$').skip(1).map(|(at, _)| good[..at].to_owned()));
        broken.push(good[..good.len() - 34].to_owned());
        for verifier in broken {
            assert_eq!(verify(hasher, "secret", &verifier), PasswordAnswer::Failed, "{verifier}");
        }
        assert_eq!(verify(hasher, "secret", &good), RIGHT);
    }
}
