use super::*;
use crate::conformance::{Letter, Sample};
use lopdf::dictionary;

fn rules(address_zone: AddressZone) -> Rules {
    Rules { address_zone, ..Rules::default() }
}

fn judged(rules: Rules, letter: &Letter) -> Result<u32, ReasonCode> {
    code(rules.judge("message", &letter.bytes()))
}

fn code(judged: Result<Paper, Failure>) -> Result<u32, ReasonCode> {
    judged.map(|paper| paper.pages).map_err(|failure| {
        assert!(matches!(failure, Failure::Refused(_)), "it will be refused again: {failure:?}");
        failure.reason().code
    })
}

#[test]
fn a_letter_is_in_order_and_its_pages_are_counted() {
    assert_eq!(judged(Rules::default(), &Letter::saying("Bescheid")), Ok(1));
    assert_eq!(judged(Rules::default(), &Letter { pages: 3, ..Letter::default() }), Ok(3));
}

#[test]
fn what_is_no_pdf_is_refused() {
    let whole = Letter::saying("Bescheid").bytes();
    for bytes in [&b""[..], b"<xml/>", b"%PDF-1.7\nand nothing more", &whole[..whole.len() / 2]] {
        assert_eq!(code(Rules::default().judge("message", bytes)), Err(ReasonCode::NotPdf));
    }
    assert_eq!(judged(Rules::default(), &Letter { pages: 0, ..Letter::default() }), Err(ReasonCode::NotPdf));
}

#[test]
fn what_is_encrypted_is_refused_whether_it_opens_without_a_password_or_not() {
    use lopdf::{EncryptionState, EncryptionVersion, Permissions};
    for user_password in ["", "geheim"] {
        let mut pdf = Document::with_version("1.5");
        Letter::saying("Bescheid").write_into(&mut pdf);
        let id = Object::string_literal(*b"0123456789abcdef");
        pdf.trailer.set("ID", vec![id.clone(), id]);
        let (owner_password, permissions) = ("amt", Permissions::default());
        let version = EncryptionVersion::V2 {
            document: &pdf,
            owner_password,
            user_password,
            key_length: 128,
            permissions,
        };
        let state = EncryptionState::try_from(version).unwrap();
        pdf.encrypt(&state).unwrap();
        let mut bytes = Vec::new();
        pdf.save_to(&mut bytes).unwrap();
        assert_eq!(code(Rules::default().judge("message", &bytes)), Err(ReasonCode::PdfEncrypted));
    }
}

#[test]
fn every_page_is_a4_upright_or_across_but_for_what_a_printer_swallows() {
    let sized = |size| judged(Rules::default(), &Letter { size, pages: 2, ..Letter::default() });
    for size in [(210.0, 297.0), (297.0, 210.0), (211.5, 295.5), (209.9, 297.04)] {
        assert_eq!(sized(size), Ok(2), "{size:?}");
    }
    for size in [(215.9, 279.4), (148.0, 210.0), (210.0, 300.0)] {
        assert_eq!(sized(size), Err(ReasonCode::PdfPageSize), "{size:?}");
    }
    let any = Rules { page_size: PageSize::Any, ..Rules::default() };
    assert_eq!(judged(any, &Letter { size: (148.0, 210.0), ..Letter::default() }), Ok(1));
    let cut = |bounds: [i64; 4]| {
        let bounds: Vec<Object> = bounds.into_iter().map(Object::from).collect();
        judged(Rules::default(), &Letter { page: dictionary! { "CropBox" => bounds }, ..Letter::default() })
    };
    assert_eq!(cut([0, 0, 595, 842]), Ok(1));
    assert_eq!(cut([0, 0, 595, 421]), Err(ReasonCode::PdfPageSize), "what is printed is the crop box");
}

#[test]
fn the_page_that_is_wrong_is_named_with_its_size() {
    let letter = Letter { size: (215.9, 279.4), ..Letter::default() };
    let Err(failure) = Rules::default().judge("attachment 2", &letter.bytes()) else { unreachable!() };
    let german = failure.reason().german();
    assert!(german.contains("Seite 1 des PDF (attachment 2) misst 216 × 279 mm"), "{german}");
}

#[test]
fn too_many_pages_and_too_many_bytes_are_refused() {
    let few = Rules { most_pages: 2, ..Rules::default() };
    assert_eq!(judged(few, &Letter { pages: 2, ..Letter::default() }), Ok(2));
    assert_eq!(judged(few, &Letter { pages: 3, ..Letter::default() }), Err(ReasonCode::PdfTooManyPages));
    let small = Rules { largest: ByteSize::from_bytes(100), ..Rules::default() };
    assert_eq!(judged(small, &Letter::default()), Err(ReasonCode::PdfTooLarge));
}

#[tokio::test]
async fn what_is_too_large_is_not_even_read() {
    let sample = Sample::new().with_torn_attachment(30_000_000);
    let read = Rules::default().read("attachment 1", &sample.attachments[0]).await;
    assert!(matches!(&read, Err(Failure::Refused(reason)) if reason.code == ReasonCode::PdfTooLarge));
    let sample = Sample::new().with_torn_attachment(30_000);
    let read = Rules::default().read("attachment 1", &sample.attachments[0]).await;
    assert!(matches!(&read, Err(Failure::Defect(_))), "h8: what is damaged is not judged: {read:?}");
}

/// Where the one line of a letter is seen: whether in the address zone.
fn is_seen(letter: &Letter) -> bool {
    let (filled, empty) =
        (judged(rules(AddressZone::Filled), letter), judged(rules(AddressZone::Empty), letter));
    match (filled, empty) {
        (Ok(1), Err(ReasonCode::PdfAddressZoneTaken)) => true,
        (Err(ReasonCode::PdfAddressMissing), Ok(1)) => false,
        other => panic!("{other:?}"),
    }
}

fn with_line(left: f64, top: f64) -> Letter {
    Letter { lines: vec![(left, top, "Erika Mustermann".into())], ..Letter::default() }
}

#[test]
fn the_address_zone_is_where_din_5008_has_it() {
    for (left, top) in [(21.0, 46.0), (25.0, 60.0), (104.0, 60.0), (25.0, 89.0)] {
        assert!(is_seen(&with_line(left, top)), "{left} mm, {top} mm");
    }
    for (left, top) in [(19.0, 60.0), (106.0, 60.0), (25.0, 44.0), (25.0, 91.0)] {
        assert!(!is_seen(&with_line(left, top)), "{left} mm, {top} mm");
    }
}

#[test]
fn text_is_found_wherever_it_is_moved_to() {
    let written = |content: &str| Letter { before: content.into(), ..Letter::default() };
    // 30 mm from the left, 60 mm from the top: 85 and 671.8 units from the lower left corner.
    for content in [
        "BT /F1 9 Tf 1 0 0 1 85 671 Tm (x) Tj ET\n",
        "q 1 0 0 1 80 600 cm BT /F1 9 Tf 5 71 Td [ 3 (x) ] TJ ET Q\n",
        "q 0.5 0 0 0.5 0 0 cm BT /F1 9 Tf 170 1342 Td (x) Tj ET Q\n",
        "BT /F1 9 Tf 14 TL 85 699 Td T* (x) ' ET\n",
        "BT /F1 9 Tf 85 699 Td 0 -14 TD ( ) Tj T* (x) Tj ET\n",
    ] {
        assert!(is_seen(&written(content)), "{content}");
    }
    for content in [
        "q 1 0 0 1 80 600 cm Q BT /F1 9 Tf 5 71 Td (x) Tj ET\n",
        "BT /F1 9 Tf 85 671 Td (   ) Tj [ 3 ( ) ] TJ ET\n",
        "BT /F1 9 Tf 3 Tr 85 671 Td (x) Tj ET\n",
        "85 671 100 10 re f\n",
    ] {
        assert!(!is_seen(&written(content)), "{content}");
    }
}

#[test]
fn text_in_forms_and_on_turned_pages_is_found() {
    let mut pdf = Document::with_version("1.5");
    let form = lopdf::Stream::new(
        dictionary! { "Type" => "XObject", "Subtype" => "Form",
        "Matrix" => vec![1.into(), 0.into(), 0.into(), 1.into(), 80.into(), 600.into()] },
        b"BT /F1 9 Tf 5 71 Td (x) Tj ET".to_vec(),
    );
    let form = pdf.add_object(form);
    let resources = dictionary! { "XObject" => dictionary! { "Kopf" => form } };
    let page = dictionary! { "Resources" => resources };
    Letter { before: "/Kopf Do\n".into(), page, ..Letter::default() }.write_into(&mut pdf);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    assert_eq!(code(rules(AddressZone::Filled).judge("message", &bytes)), Ok(1));

    // Upright after a quarter turn to the right: what lies 60 mm from the left edge and 30 mm from the bottom edge.
    let turned = |degrees: i64, left, top| {
        let page = dictionary! { "Rotate" => degrees };
        is_seen(&Letter { size: (297.0, 210.0), page, ..with_line(left, top) })
    };
    assert!(turned(90, 60.0, 180.0), "30 mm from the left, 60 mm from the top");
    assert!(turned(270, 237.0, 30.0), "the other way round");
    assert!(!turned(90, 30.0, 60.0));
    let upside_down = Letter { page: dictionary! { "Rotate" => 180 }, ..with_line(180.0, 237.0) };
    assert!(is_seen(&upside_down));
}

#[test]
fn a_form_that_holds_itself_and_a_stream_that_swells_are_refused_in_good_time() {
    let mut pdf = Document::with_version("1.5");
    let id = pdf.new_object_id();
    let resources = dictionary! { "XObject" => dictionary! { "Kopf" => id } };
    let dictionary =
        dictionary! { "Type" => "XObject", "Subtype" => "Form", "Resources" => resources.clone() };
    pdf.objects.insert(id, lopdf::Stream::new(dictionary, b"/Kopf Do /Kopf Do".to_vec()).into());
    let page = dictionary! { "Resources" => resources };
    Letter { before: "/Kopf Do\n".into(), page, ..Letter::default() }.write_into(&mut pdf);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    assert_eq!(code(rules(AddressZone::Empty).judge("message", &bytes)), Err(ReasonCode::NotPdf));

    let mut pdf = Document::with_version("1.5");
    Letter { before: " ".repeat(INFLATED_MAX + 1), ..Letter::default() }.write_into(&mut pdf);
    pdf.compress();
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    assert!(bytes.len() < 100_000);
    assert_eq!(code(rules(AddressZone::Empty).judge("message", &bytes)), Err(ReasonCode::NotPdf));
}
