//! A mapping that makes several documents in one run and calls attachments by rule, for tests: a message, index data as JSON,
//! and a note as text.

use std::fs;
use std::path::Path;

/// Its name.
pub const NAME: &str = "vorgang";

pub const MANIFEST: &str = r#"transform = "transform.xsl"
input = "envelope"

[target]
schema = "nachricht.xsd"

[document.index]
format = "json"

[document.zettel]
media-type = "text/plain"

[attachments]
id = "urn_uuid_{uuid}"
name = "{number:03}_{stem}.{extension}"
"#;

pub const STYLESHEET: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:hub="urn:rohrpost:envelope:1" xmlns:d="urn:rohrpost:documents:1" xmlns:v="urn:beispiel:vorgang"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    exclude-result-prefixes="hub">
  <xsl:template match="/hub:envelope">
    <d:documents>
      <d:document name="message">
        <v:nachricht vorgang="{hub:submission/@case}">
          <v:quelle xsi:type="xs:token"><xsl:value-of select="name(hub:data/*)"/></v:quelle>
          <xsl:for-each select="hub:attachments/hub:attachment">
            <v:anlage kennung="{@id}" datei="{@file-name}"/>
          </xsl:for-each>
        </v:nachricht>
      </d:document>
      <d:document name="index">
        <map xmlns="http://www.w3.org/2005/xpath-functions">
          <string key="vorgang"><xsl:value-of select="hub:submission/@case"/></string>
          <number key="anlagen"><xsl:value-of select="count(hub:attachments/hub:attachment)"/></number>
        </map>
      </d:document>
      <d:document name="zettel">Straße &amp; Flur: <xsl:value-of select="hub:submission/@area"/></d:document>
    </d:documents>
  </xsl:template>
</xsl:stylesheet>
"#;

pub const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:beispiel:vorgang"
    xmlns="urn:beispiel:vorgang" elementFormDefault="qualified">
  <xs:element name="nachricht">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="quelle" type="xs:string"/>
        <xs:element name="anlage" minOccurs="0" maxOccurs="unbounded">
          <xs:complexType>
            <xs:attribute name="kennung" type="xs:NCName" use="required"/>
            <xs:attribute name="datei" type="xs:string" use="required"/>
          </xs:complexType>
        </xs:element>
        <xs:any namespace="http://www.w3.org/2000/09/xmldsig#" minOccurs="0" processContents="skip"/>
      </xs:sequence>
      <xs:attribute name="vorgang" type="xs:string" use="required"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"#;

/// Puts it into a library.
pub fn put_into(library: &Path) {
    let folder = library.join(NAME);
    fs::create_dir_all(folder.join("cases")).expect("a folder");
    for (file, text) in [("mapping.toml", MANIFEST), ("transform.xsl", STYLESHEET), ("nachricht.xsd", SCHEMA)]
    {
        fs::write(folder.join(file), text).expect("a file");
    }
}
