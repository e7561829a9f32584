use super::*;
use crate::chat::id::ClientId;
use crate::chat::policy::nick::lookalike::Looks;
use crate::util::test_support::Random;

impl MemberTable {
    /// The place of a member in a room.
    pub fn place(&self, slot: MemberSlot, room: RoomId) -> Option<u32> {
        let current = self[slot].current.into_iter();
        let mut all = current.chain(self.followed.iter(self[slot].followed).copied());
        all.find(|membership| membership.room == room).map(|membership| membership.place)
    }

    /// Bytes allocated for the tables.
    pub fn capacity_bytes(&self) -> usize {
        self.slots.capacity_bytes() + self.names.capacity_bytes() + self.followed.capacity_bytes()
    }
}

#[test]
fn member_is_small() {
    assert!(size_of::<Member>() <= 72, "{} bytes", size_of::<Member>());
}

#[test]
fn id_of_a_member_that_left_finds_nobody() {
    let mut table = MemberTable::new([1, 2]);
    let name = |text: &str| Name::new(text).unwrap();
    let alice = table.insert(&name("alice"), 0);
    assert_eq!((table.find("ALICE"), table.len()), (Some(alice), 1));
    table.remove(alice.slot);
    let bob = table.insert(&name("bob"), 0);
    assert_eq!(bob.slot, alice.slot);
    assert!(table.get(alice).is_none() && table.get(bob).is_some());
    table.rename(bob.slot, &name("Robert"));
    assert_eq!((table.find("bob"), table.find("robert")), (None, Some(bob)));
}

#[test]
fn names_that_look_alike_are_found_until_they_are_given_up() {
    let mut table = MemberTable::new([1, 2]);
    let name = |text: &str| Name::stored(text).unwrap();
    let like = |table: &MemberTable, text: &str| table.find_alike(&name(text), None);
    let ivan = table.insert(&name("Ivan"), 0);
    let coco = table.insert(&name("coco"), 0);
    for alike in ["Ivan", "ivan", "lvan", "LVAN", "1van", "iVAN"] {
        assert_eq!(like(&table, alike), Some(ivan), "{alike}");
    }
    assert_eq!([table.find("lvan"), table.find("IVAN")], [None, Some(ivan)]);
    // As a whole in Cyrillic, and in both scripts.
    assert_eq!([like(&table, "сосо"), like(&table, "cосO")], [Some(coco); 2]);
    assert_eq!([like(&table, "van"), like(&table, "cocoa")], [None; 2]);
    // A member may take a name that looks like its own.
    assert_eq!(table.find_alike(&name("1van"), Some(ivan)), None);
    assert_eq!(table.find_alike(&name("1van"), Some(coco)), Some(ivan));
    table.rename(ivan.slot, &name("ivan"));
    assert_eq!([like(&table, "lvan"), like(&table, "Ivan")], [None, Some(ivan)]);
    table.rename(ivan.slot, &name("Igor"));
    assert_eq!([like(&table, "lgor"), like(&table, "ivan")], [Some(ivan), None]);
    table = MemberTable::from_state(table.into_state());
    assert_eq!([like(&table, "lgor"), like(&table, "C0C0")], [Some(ivan), Some(coco)]);
    table.remove(ivan.slot);
    assert_eq!((like(&table, "lgor"), table.names.shown_forms()), (None, 0));
}

#[test]
fn members_of_an_older_server_that_look_alike_are_all_found() {
    let mut table = MemberTable::new([1, 2]);
    let name = |text: &str| Name::stored(text).unwrap();
    let texts = ["Ivan", "Ivаn", "IVAN.", "lvan", "1van"];
    let ids = texts.map(|text| table.insert(&name(text), 0));
    let mut table = MemberTable::from_state(table.into_state());
    assert_eq!(texts.map(|text| table.find(text)), ids.map(Some));
    for (gone, id) in ids.into_iter().enumerate() {
        table.remove(id.slot);
        let left = |text: &str| texts[gone + 1..].contains(&text);
        assert!(texts.iter().all(|text| table.find(text).is_some() == left(text)));
    }
    assert_eq!(table.names.shown_forms(), 0);
}

#[test]
fn random_names_are_found_as_a_naive_search_finds_them() {
    const LETTERS: [char; 16] = ['i', 'I', 'l', '1', 'o', 'O', '0', 'm', 'r', 'n', 'о', 'ο', 'İ', 'ı', 'Ｉ', 'é'];
    let (mut table, mut random) = (MemberTable::new([1, 2]), Random(1));
    let mut present: Vec<(MemberId, Name)> = Vec::new();
    let forms = |name: &Name| Looks::of(&name.shown).forms().map(str::to_owned).collect::<Vec<_>>();
    for _ in 0..20_000 {
        let length = 1 + random.below(4);
        let name = Name::stored(&(0..length).map(|_| *random.pick(&LETTERS)).collect::<String>()).unwrap();
        let own = random.below(present.len() + 1);
        let other = |index: usize| index != own || present.len() == own;
        let is_alike = |(index, (_, old)): (usize, &(MemberId, Name))| {
            let is_form = |form: &str| forms(old).iter().any(|other| other == form).then_some(());
            other(index) && Looks::find_map(&name.shown, is_form).is_some()
        };
        let expected = present.iter().enumerate().any(is_alike);
        let own_id = present.get(own).map(|(id, _)| *id);
        assert_eq!(table.find_alike(&name, own_id).is_some(), expected, "{name:?}");
        let equal = present.iter().find(|(_, old)| old.key == name.key).map(|(id, _)| *id);
        assert_eq!(table.find_key(&name.key), equal);
        match own_id {
            Some(id) if random.one_in(3) => {
                present.swap_remove(own);
                table.remove(id.slot);
            }
            Some(id) if !expected => {
                table.rename(id.slot, &name);
                present[own].1 = name;
            }
            None if !expected => present.push((table.insert(&name, 0), name)),
            _ => {}
        }
    }
}

#[test]
fn operator_has_no_nickname_to_find() {
    let mut table = MemberTable::new([1, 2]);
    let operator = table.insert_operator();
    assert_eq!((table.operator(), table.find(OPERATOR), table.len()), (None, None, 0));
    table[operator.slot].add_session(ClientId::CONSOLE);
    assert_eq!(table.operator(), Some(operator));
    let shared = table.shared();
    table.restore(shared);
    assert_eq!(table.operator(), Some(operator), "the console stays when the members are replaced");
}
