<?xml version="1.0" encoding="UTF-8"?>
<!--
  Sondernutzung: from the portal's application to the universal application of the XBau-Kernmodul 1.3.0
  (universellerAntrag.antrag.1200), which XBau 2.6 contains.

  Source: the hub's envelope with the application (source.xsd) in hub:data. Target: the schema of the standard.
  The message has no place for what a Sondernutzung is about, so Vorhaben and Flächen travel in its
  anwendungsspezifischeErweiterung. Every UUID is made from the id of the submission: a repetition is the same message. No
  element is empty: the Schematron rules of XBau forbid it.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:sondernutzung="urn:rohrpost:beispiel:sondernutzung:1"
                xmlns:xbauk="http://www.xleitstelle.de/xbau/kernmodul/1/3/0"
                exclude-result-prefixes="hub f">

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:param name="leser-kennung" select="''"/>
  <xsl:param name="leser-name" select="''"/>
  <xsl:param name="autor-kennung" select="''"/>
  <xsl:param name="autor-name" select="''"/>

  <xsl:variable name="nl" select="'&#10;'"/>
  <xsl:variable name="einreichung" select="/hub:envelope/hub:submission"/>

  <xsl:key name="genannte-anlage" match="anlagen/anlage" use="normalize-space(@name)"/>

  <xsl:template match="/hub:envelope">
    <xsl:apply-templates select="hub:data/sondernutzung:antrag"/>
  </xsl:template>

  <xsl:template match="sondernutzung:antrag">
    <xsl:if test="not(flaechen/flaeche/flurstueck)">
      <xsl:message terminate="yes">flaechen/flaeche/flurstueck fehlt: XBau verlangt mindestens ein Flurstück</xsl:message>
    </xsl:if>
    <xbauk:universellerAntrag.antrag.1200 produkt="Rohrpost" produkthersteller="Rohrpost" standard="XBau-Kernmodul"
                                          version="1.3.0">
      <xsl:if test="$einreichung/@test = 'true'">
        <xsl:attribute name="test">true</xsl:attribute>
      </xsl:if>
      <xsl:call-template name="kopf"/>
      <xsl:value-of select="$nl"/>
      <referenzAntragsservice>
        <referenzAntragsservice><xsl:value-of select="$einreichung/@id"/></referenzAntragsservice>
      </referenzAntragsservice>
      <artDesAntrags listURI="urn:rohrpost:beispiel:codeliste:antragsart" listVersionID="1">
        <code>sondernutzung</code>
      </artDesAntrags>
      <xsl:call-template name="bezug"/>
      <xsl:apply-templates select="antragsteller/natuerlichePerson | antragsteller/organisation"/>
      <xsl:apply-templates select="flaechen/flaeche[flurstueck]"/>
      <xsl:if test="/hub:envelope/hub:attachments/hub:attachment">
        <xsl:value-of select="$nl"/>
        <anlagen>
          <xsl:apply-templates select="/hub:envelope/hub:attachments/hub:attachment">
            <xsl:sort select="@number" data-type="number"/>
          </xsl:apply-templates>
        </anlagen>
      </xsl:if>
      <xsl:value-of select="$nl"/>
    </xbauk:universellerAntrag.antrag.1200>
  </xsl:template>

  <!-- Kopf -->

  <xsl:template name="kopf">
    <xsl:value-of select="$nl"/>
    <nachrichtenkopf.g2g>
      <identifikation.nachricht>
        <nachrichtenUUID><xsl:value-of select="f:uuid($einreichung/@id, 'universellerAntrag.antrag.1200')"/></nachrichtenUUID>
        <nachrichtentyp listURI="urn:xoev-de:xbau-kernmodul:codeliste:xbau-kernmodul-nachrichten" listVersionID="3.0">
          <code>1200</code>
        </nachrichtentyp>
        <erstellungszeitpunkt><xsl:value-of select="$einreichung/@received-at"/></erstellungszeitpunkt>
      </identifikation.nachricht>
      <leser>
        <xsl:call-template name="behoerde">
          <xsl:with-param name="kennung" select="$leser-kennung"/>
          <xsl:with-param name="name" select="$leser-name"/>
        </xsl:call-template>
      </leser>
      <autor>
        <xsl:call-template name="behoerde">
          <xsl:with-param name="kennung" select="$autor-kennung"/>
          <xsl:with-param name="name" select="$autor-name"/>
        </xsl:call-template>
      </autor>
    </nachrichtenkopf.g2g>
  </xsl:template>

  <xsl:template name="behoerde">
    <xsl:param name="kennung"/>
    <xsl:param name="name"/>
    <verzeichnisdienst listURI="urn:xoev-de:kosit:codeliste:verzeichnisdienst" listVersionID="1">
      <code>DVDV</code>
    </verzeichnisdienst>
    <kennung><xsl:value-of select="$kennung"/></kennung>
    <name><xsl:value-of select="$name"/></name>
  </xsl:template>

  <!-- What the message itself has no place for, as it came. -->
  <xsl:template name="bezug">
    <xsl:value-of select="$nl"/>
    <bezug>
      <anbindungFachverfahren>
        <anwendungsspezifischeErweiterung>
          <sondernutzung:erweiterung vorgang="{$einreichung/@case}">
            <xsl:apply-templates select="vorhaben | flaechen | verantwortliche" mode="kopie"/>
          </sondernutzung:erweiterung>
        </anwendungsspezifischeErweiterung>
      </anbindungFachverfahren>
    </bezug>
  </xsl:template>

  <!-- Without the white space between elements, and without namespaces that the copy does not need. -->
  <xsl:template match="*" mode="kopie">
    <xsl:element name="{local-name()}">
      <xsl:for-each select="@*">
        <xsl:attribute name="{local-name()}"><xsl:value-of select="normalize-space(.)"/></xsl:attribute>
      </xsl:for-each>
      <xsl:choose>
        <xsl:when test="*"><xsl:apply-templates select="*" mode="kopie"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="normalize-space(.)"/></xsl:otherwise>
      </xsl:choose>
    </xsl:element>
  </xsl:template>

  <!-- These have attributes only, and would be empty: they become elements. -->
  <xsl:template match="taeglich | vorhaben/lageplan" mode="kopie">
    <xsl:element name="{local-name()}">
      <xsl:apply-templates select="@anlage" mode="kopie"/>
      <xsl:apply-templates select="@von" mode="kopie"/>
      <xsl:apply-templates select="@bis" mode="kopie"/>
    </xsl:element>
  </xsl:template>

  <xsl:template match="@*" mode="kopie">
    <xsl:element name="{local-name()}"><xsl:value-of select="normalize-space(.)"/></xsl:element>
  </xsl:template>

  <!-- The one text with line breaks. -->
  <xsl:template match="beschreibung" mode="kopie">
    <beschreibung><xsl:value-of select="."/></beschreibung>
  </xsl:template>

  <!-- Antragsteller: all persons of a Gemeinschaft have its address; the first is reached by its contact. -->

  <xsl:template match="natuerlichePerson">
    <xsl:value-of select="$nl"/>
    <antragsteller>
      <natuerlichePerson>
        <id><xsl:value-of select="f:uuid($einreichung/@id, concat('antragsteller-', position()))"/></id>
        <name>
          <xsl:apply-templates select="titel"/>
          <xsl:apply-templates select="anrede"/>
          <familienname><name><xsl:value-of select="normalize-space(nachname)"/></name></familienname>
          <vorname><name><xsl:value-of select="normalize-space(vorname)"/></name></vorname>
        </name>
        <xsl:apply-templates select="../anschrift"/>
        <xsl:if test="position() = 1">
          <xsl:apply-templates select="../kontakt/email | ../kontakt/telefon"/>
        </xsl:if>
      </natuerlichePerson>
    </antragsteller>
  </xsl:template>

  <xsl:template match="titel">
    <titel><xsl:value-of select="normalize-space(.)"/></titel>
  </xsl:template>

  <xsl:template match="anrede">
    <xsl:variable name="wort" select="f:code('anrede', normalize-space(.))"/>
    <xsl:if test="$wort != ''">
      <anrede><xsl:value-of select="$wort"/></anrede>
    </xsl:if>
  </xsl:template>

  <xsl:template match="organisation">
    <xsl:value-of select="$nl"/>
    <antragsteller>
      <organisation>
        <id><xsl:value-of select="f:uuid($einreichung/@id, 'antragsteller-1')"/></id>
        <name><name><xsl:value-of select="normalize-space(name)"/></name></name>
        <xsl:apply-templates select="../anschrift"/>
        <xsl:apply-templates select="../kontakt/email | ../kontakt/telefon"/>
        <ansprechpartner>
          <name>
            <familienname><name><xsl:value-of select="normalize-space(ansprechpartner)"/></name></familienname>
            <vorname><nichtVorhanden>true</nichtVorhanden></vorname>
          </name>
        </ansprechpartner>
      </organisation>
    </antragsteller>
  </xsl:template>

  <xsl:template match="anschrift">
    <anschrift>
      <xsl:apply-templates select="inland | ausland"/>
    </anschrift>
  </xsl:template>

  <xsl:template match="inland">
    <strasse><xsl:value-of select="normalize-space(strasse)"/></strasse>
    <hausnummer><xsl:value-of select="normalize-space(hausnummer)"/></hausnummer>
    <postleitzahl><xsl:value-of select="normalize-space(plz)"/></postleitzahl>
    <ort><xsl:value-of select="normalize-space(ort)"/></ort>
    <xsl:if test="zusatz">
      <zusatz><xsl:value-of select="normalize-space(zusatz)"/></zusatz>
    </xsl:if>
  </xsl:template>

  <!-- Nobody knows which line of a foreign address is what: the first is the street, the last the place, and what is
       between them is added. -->
  <xsl:template match="ausland">
    <xsl:if test="zeile[2]">
      <strasseHausnummer><xsl:value-of select="normalize-space(zeile[1])"/></strasseHausnummer>
    </xsl:if>
    <ort><xsl:value-of select="normalize-space(zeile[last()])"/></ort>
    <xsl:if test="zeile[3]">
      <zusatz>
        <xsl:for-each select="zeile[position() &gt; 1 and position() &lt; last()]">
          <xsl:if test="position() &gt; 1">, </xsl:if>
          <xsl:value-of select="normalize-space(.)"/>
        </xsl:for-each>
      </zusatz>
    </xsl:if>
    <staat>
      <staat listURI="urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:staatsgebiete" listVersionID="2021-02-19">
        <code><xsl:value-of select="f:code('staat', normalize-space(staat))"/></code>
      </staat>
    </staat>
  </xsl:template>

  <xsl:template match="email">
    <xsl:call-template name="kommunikation">
      <xsl:with-param name="kanal" select="'01'"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="telefon">
    <xsl:call-template name="kommunikation">
      <xsl:with-param name="kanal" select="'02'"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="kommunikation">
    <xsl:param name="kanal"/>
    <kommunikation>
      <kanal listURI="urn:de:xoev:codeliste:erreichbarkeit" listVersionID="3">
        <code><xsl:value-of select="$kanal"/></code>
      </kanal>
      <kennung><xsl:value-of select="normalize-space(.)"/></kennung>
    </kommunikation>
  </xsl:template>

  <!-- Grundstück: one for each Fläche whose parcel is known. -->

  <xsl:template match="flaeche">
    <xsl:variable name="schluessel" select="normalize-space(flurstueck/gemarkung/@schluessel)"/>
    <xsl:value-of select="$nl"/>
    <grundstueck>
      <anschriftGrundstueck>
        <strasse><xsl:value-of select="normalize-space(strasse)"/></strasse>
        <xsl:if test="hausnummer">
          <hausnummer><xsl:value-of select="normalize-space(hausnummer)"/></hausnummer>
        </xsl:if>
        <xsl:if test="ortsteil">
          <ortsteil><xsl:value-of select="normalize-space(ortsteil)"/></ortsteil>
        </xsl:if>
      </anschriftGrundstueck>
      <flurstueck>
        <bundesland listURI="urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:bundesland" listVersionID="2010-04-01">
          <code><xsl:value-of select="substring($schluessel, 1, 2)"/></code>
        </bundesland>
        <kodierungFlurstueck>
          <gemarkung><nummer><xsl:value-of select="substring($schluessel, 3)"/></nummer></gemarkung>
          <xsl:for-each select="flurstueck/flur | flurstueck/zaehler | flurstueck/nenner">
            <xsl:element name="{local-name()}"><xsl:value-of select="normalize-space(.)"/></xsl:element>
          </xsl:for-each>
        </kodierungFlurstueck>
      </flurstueck>
    </grundstueck>
  </xsl:template>

  <!-- Anlagen. Ids and names of files are those of the rule in mapping.toml. -->

  <xsl:template match="hub:attachment">
    <xsl:variable name="genannt" select="key('genannte-anlage', normalize-space(@name))"/>
    <xsl:value-of select="$nl"/>
    <anlage>
      <bezeichnung><xsl:call-template name="bezeichnung"/></bezeichnung>
      <datum><xsl:value-of select="f:date($einreichung/@received-at)"/></datum>
      <anlageart listURI="urn:rohrpost:beispiel:codeliste:anlageart" listVersionID="1">
        <code>
          <xsl:choose>
            <xsl:when test="$genannt"><xsl:value-of select="normalize-space($genannt/@art)"/></xsl:when>
            <xsl:otherwise>sonstiges</xsl:otherwise>
          </xsl:choose>
        </code>
      </anlageart>
      <mimeType listURI="urn:rohrpost:beispiel:codeliste:medientyp" listVersionID="1">
        <code><xsl:value-of select="@media-type"/></code>
      </mimeType>
      <anhangOderVerlinkung>
        <anhang>
          <!-- The standard counts from one byte on: an empty file has no size. -->
          <xsl:if test="@size &gt; 0">
            <xsl:attribute name="filesize"><xsl:value-of select="@size"/></xsl:attribute>
          </xsl:if>
          <xsl:attribute name="hashValue"><xsl:value-of select="@sha256"/></xsl:attribute>
          <dokumentid><xsl:value-of select="@id"/></dokumentid>
          <dateiname><xsl:value-of select="@file-name"/></dateiname>
        </anhang>
      </anhangOderVerlinkung>
    </anlage>
  </xsl:template>

  <!-- A file may have any name; where it has characters that XBau does not take, it is told as every system takes it. -->
  <xsl:template name="bezeichnung">
    <xsl:variable name="name" select="normalize-space(@name)"/>
    <xsl:choose>
      <xsl:when test="f:is-din-91379($name, 'D')"><xsl:value-of select="$name"/></xsl:when>
      <xsl:otherwise><xsl:value-of select="f:file-name($name)"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>
</xsl:stylesheet>
