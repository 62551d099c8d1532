<?xml version="1.0" encoding="UTF-8"?>
<!--
  Anzeige einer Brunnenbohrung: from the portal's notice to the message by which a Fachverfahren has something filed in a
  DMS, FVDaten.SGOAblegen.0605 of xdomea 3.0.0: one Vorgang with one document, whose Anlagen are the attachments.

  Source: the hub's envelope with the notice (source.xsd) in hub:data. Target: xdomea.xsd of the standard.
  Every UUID is made from the id of the submission, so that a repetition is the same message. xdomea wants its own prefix.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:brunnenbohrung="urn:rohrpost:beispiel:brunnenbohrung:1"
                xmlns:xdomea="urn:xoev-de:xdomea:schema:3.0.0"
                exclude-result-prefixes="hub f brunnenbohrung">

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:param name="absender" select="''"/>
  <xsl:param name="empfaenger" select="''"/>
  <xsl:param name="erstellerkennung" select="'rohrpost'"/>
  <xsl:param name="aktenplankennzeichen" select="''"/>

  <xsl:variable name="nl" select="'&#10;'"/>
  <xsl:variable name="einreichung" select="/hub:envelope/hub:submission"/>

  <xsl:key name="genannte-anlage" match="anlagen/anlage" use="normalize-space(@name)"/>

  <xsl:template match="/hub:envelope">
    <xsl:apply-templates select="hub:data/brunnenbohrung:anzeige"/>
  </xsl:template>

  <xsl:template match="brunnenbohrung:anzeige">
    <xdomea:FVDaten.SGOAblegen.0605>
      <xsl:call-template name="kopf"/>
      <xsl:value-of select="$nl"/>
      <xdomea:SchriftgutobjektZumAblegen>
        <xdomea:FachverfahrenObjektID><xsl:value-of select="$einreichung/@case"/></xdomea:FachverfahrenObjektID>
        <xdomea:Schriftgutobjekt>
          <xsl:call-template name="vorgang"/>
        </xdomea:Schriftgutobjekt>
      </xdomea:SchriftgutobjektZumAblegen>
      <xsl:value-of select="$nl"/>
    </xdomea:FVDaten.SGOAblegen.0605>
  </xsl:template>

  <!-- A process has one message of each kind, so the submission is the process. -->
  <xsl:template name="kopf">
    <xsl:value-of select="$nl"/>
    <xdomea:Kopf>
      <xdomea:ProzessID><xsl:value-of select="$einreichung/@id"/></xdomea:ProzessID>
      <xdomea:Nachrichtentyp listURI="urn:xoev-de:xdomea:codeliste:nachrichtentyp" listVersionID="2.0">
        <code>0605</code>
      </xdomea:Nachrichtentyp>
      <xdomea:Erstellungszeitpunkt><xsl:value-of select="$einreichung/@received-at"/></xdomea:Erstellungszeitpunkt>
      <xdomea:Absender>
        <xdomea:Institution><xdomea:Name><xsl:value-of select="$absender"/></xdomea:Name></xdomea:Institution>
      </xdomea:Absender>
      <xdomea:Empfaenger>
        <xdomea:Institution><xdomea:Name><xsl:value-of select="$empfaenger"/></xdomea:Name></xdomea:Institution>
      </xdomea:Empfaenger>
      <xdomea:SendendesSystem><xdomea:Produktname>Rohrpost</xdomea:Produktname></xdomea:SendendesSystem>
      <xsl:if test="$einreichung/@test = 'true'">
        <xdomea:Hinweis>Testeinreichung</xdomea:Hinweis>
      </xsl:if>
      <xdomea:Empfangsbestaetigung>true</xdomea:Empfangsbestaetigung>
      <xdomea:Importbestaetigung>1</xdomea:Importbestaetigung>
      <xdomea:Erstellerkennung><xsl:value-of select="$erstellerkennung"/></xdomea:Erstellerkennung>
      <xdomea:Stapel>false</xdomea:Stapel>
    </xdomea:Kopf>
  </xsl:template>

  <!-- Vorgang and document -->

  <xsl:template name="vorgang">
    <xsl:value-of select="$nl"/>
    <xdomea:Vorgang>
      <xsl:call-template name="identifikation">
        <xsl:with-param name="name" select="'vorgang'"/>
      </xsl:call-template>
      <xdomea:AllgemeineMetadaten>
        <xdomea:Betreff><xsl:call-template name="betreff"/></xdomea:Betreff>
        <xsl:if test="vorhaben/erlaeuterung">
          <xdomea:Bemerkung><xsl:value-of select="vorhaben/erlaeuterung"/></xdomea:Bemerkung>
        </xsl:if>
        <xsl:call-template name="medium"/>
        <xdomea:Aktenplaneinheit>
          <xdomea:Kennzeichen><xsl:value-of select="$aktenplankennzeichen"/></xdomea:Kennzeichen>
        </xdomea:Aktenplaneinheit>
      </xdomea:AllgemeineMetadaten>
      <xsl:call-template name="dokument"/>
    </xdomea:Vorgang>
  </xsl:template>

  <xsl:template name="dokument">
    <xsl:value-of select="$nl"/>
    <xdomea:Dokument>
      <xsl:call-template name="identifikation">
        <xsl:with-param name="name" select="'anzeige'"/>
      </xsl:call-template>
      <xdomea:AllgemeineMetadaten>
        <xdomea:Betreff><xsl:call-template name="betreff"/></xdomea:Betreff>
        <xsl:call-template name="medium"/>
      </xdomea:AllgemeineMetadaten>
      <xdomea:FremdesGeschaeftszeichen><xsl:value-of select="$einreichung/@case"/></xdomea:FremdesGeschaeftszeichen>
      <xdomea:Posteingangsdatum><xsl:value-of select="f:date($einreichung/@received-at)"/></xdomea:Posteingangsdatum>
      <xdomea:Typ>Anzeige</xdomea:Typ>
      <xsl:apply-templates select="/hub:envelope/hub:attachments/hub:attachment">
        <xsl:sort select="@number" data-type="number"/>
      </xsl:apply-templates>
      <xsl:apply-templates select="antragsteller"/>
    </xdomea:Dokument>
  </xsl:template>

  <xsl:template name="betreff">
    <xsl:value-of select="concat('Anzeige einer Brunnenbohrung, Gemarkung ', normalize-space(grundstueck/gemarkung),
                                 ', Flur ', normalize-space(grundstueck/flur), ', Flurstück ',
                                 normalize-space(grundstueck/flurstueck/zaehler))"/>
    <xsl:if test="grundstueck/flurstueck/nenner">
      <xsl:value-of select="concat('/', normalize-space(grundstueck/flurstueck/nenner))"/>
    </xsl:if>
  </xsl:template>

  <xsl:template name="identifikation">
    <xsl:param name="name"/>
    <xdomea:Identifikation>
      <xdomea:ID><xsl:value-of select="f:uuid($einreichung/@id, $name)"/></xdomea:ID>
    </xdomea:Identifikation>
  </xsl:template>

  <!-- 001 is electronic. -->
  <xsl:template name="medium">
    <xdomea:Medium listURI="urn:xoev-de:xdomea:codeliste:medium" listVersionID="1.0"><code>001</code></xdomea:Medium>
  </xsl:template>

  <!-- Anlagen -->

  <xsl:template match="hub:attachment">
    <xsl:variable name="kennung" select="concat('anlage-', @number)"/>
    <xsl:variable name="genannt" select="key('genannte-anlage', normalize-space(@name))"/>
    <xsl:value-of select="$nl"/>
    <xdomea:Anlage>
      <xsl:call-template name="identifikation">
        <xsl:with-param name="name" select="$kennung"/>
      </xsl:call-template>
      <xdomea:AllgemeineMetadaten>
        <xdomea:Betreff><xsl:value-of select="@name"/></xdomea:Betreff>
        <xsl:call-template name="medium"/>
      </xdomea:AllgemeineMetadaten>
      <xsl:if test="$genannt">
        <xdomea:Typ><xsl:value-of select="normalize-space($genannt/@art)"/></xdomea:Typ>
      </xsl:if>
      <xdomea:Version>
        <xdomea:Nummer>1</xdomea:Nummer>
        <xdomea:Format>
          <xsl:call-template name="dateiformat"/>
          <xdomea:Version>unbekannt</xdomea:Version>
          <xdomea:Primaerdokument>
            <xdomea:Dateiname>
              <xsl:value-of select="concat(f:uuid($einreichung/@id, concat($kennung, '-datei')), '_', f:file-name(@name))"/>
            </xdomea:Dateiname>
            <xdomea:DateinameOriginal><xsl:value-of select="@name"/></xdomea:DateinameOriginal>
          </xdomea:Primaerdokument>
        </xdomea:Format>
      </xdomea:Version>
      <xdomea:Nummer><xsl:value-of select="@number"/></xdomea:Nummer>
    </xdomea:Anlage>
  </xsl:template>

  <!-- 100 is any other format, which then has to be named. -->
  <xsl:template name="dateiformat">
    <xsl:variable name="medientyp" select="normalize-space(substring-before(concat(@media-type, ';'), ';'))"/>
    <xsl:variable name="bekannt" select="f:has-code('dateiformat', $medientyp)"/>
    <xdomea:Name listURI="urn:xoev-de:xdomea:codeliste:dateiformat" listVersionID="1.0">
      <code>
        <xsl:choose>
          <xsl:when test="$bekannt"><xsl:value-of select="f:code('dateiformat', $medientyp)"/></xsl:when>
          <xsl:otherwise>100</xsl:otherwise>
        </xsl:choose>
      </code>
    </xdomea:Name>
    <xsl:if test="not($bekannt)">
      <xdomea:SonstigerName><xsl:value-of select="$medientyp"/></xdomea:SonstigerName>
    </xsl:if>
  </xsl:template>

  <!-- Absender: who gives notice -->

  <xsl:template match="antragsteller">
    <xsl:value-of select="$nl"/>
    <xdomea:Absender>
      <xsl:apply-templates select="organisation | natuerlichePerson"/>
      <xsl:apply-templates select="anschrift/inland"/>
      <xsl:apply-templates select="kontakt/email | kontakt/telefon"/>
      <xsl:apply-templates select="anschrift/ausland"/>
      <xsl:apply-templates select="natuerlichePerson/geburtsdatum"/>
    </xdomea:Absender>
  </xsl:template>

  <xsl:template match="organisation">
    <xdomea:Institution><xdomea:Name><xsl:value-of select="normalize-space(name)"/></xdomea:Name></xdomea:Institution>
    <xdomea:Name>
      <xdomea:Familienname>
        <xdomea:Name><xsl:value-of select="normalize-space(ansprechpartner)"/></xdomea:Name>
      </xdomea:Familienname>
    </xdomea:Name>
  </xsl:template>

  <xsl:template match="natuerlichePerson">
    <xdomea:Name>
      <xsl:if test="anrede">
        <xdomea:Anrede><xsl:value-of select="normalize-space(anrede)"/></xdomea:Anrede>
      </xsl:if>
      <xsl:if test="titel">
        <xdomea:Titel><xsl:value-of select="normalize-space(titel)"/></xdomea:Titel>
      </xsl:if>
      <xdomea:Familienname>
        <xdomea:Name><xsl:value-of select="normalize-space(nachname)"/></xdomea:Name>
      </xdomea:Familienname>
      <xdomea:Vorname>
        <xdomea:Name><xsl:value-of select="normalize-space(vorname)"/></xdomea:Name>
      </xdomea:Vorname>
    </xdomea:Name>
  </xsl:template>

  <xsl:template match="geburtsdatum">
    <xdomea:Geburt>
      <xdomea:Datum><xsl:value-of select="normalize-space(.)"/></xdomea:Datum>
    </xdomea:Geburt>
  </xsl:template>

  <xsl:template match="inland">
    <xdomea:Anschrift>
      <xdomea:Strasse><xsl:value-of select="normalize-space(strasse)"/></xdomea:Strasse>
      <xdomea:Hausnummer><xsl:value-of select="normalize-space(hausnummer)"/></xdomea:Hausnummer>
      <xdomea:Postleitzahl><xsl:value-of select="normalize-space(plz)"/></xdomea:Postleitzahl>
      <xdomea:Ort><xsl:value-of select="normalize-space(ort)"/></xdomea:Ort>
      <xsl:if test="zusatz">
        <xdomea:Zusatz><xsl:value-of select="normalize-space(zusatz)"/></xdomea:Zusatz>
      </xsl:if>
    </xdomea:Anschrift>
  </xsl:template>

  <!-- The lines as they came, and below them the state: five lines at most, of the six that xdomea has. -->
  <xsl:template match="ausland">
    <xdomea:UnstrukturierteAnschrift>
      <xsl:for-each select="zeile">
        <xsl:element name="xdomea:Zeile{position()}"><xsl:value-of select="normalize-space(.)"/></xsl:element>
      </xsl:for-each>
      <xsl:element name="xdomea:Zeile{count(zeile) + 1}">
        <xsl:value-of select="f:code('staat', normalize-space(staat))"/>
      </xsl:element>
    </xdomea:UnstrukturierteAnschrift>
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
    <xdomea:Kommunikation>
      <xdomea:Kanal listURI="urn:de:xoev:codeliste:erreichbarkeit" listVersionID="3">
        <code><xsl:value-of select="$kanal"/></code>
      </xdomea:Kanal>
      <xdomea:Kennung><xsl:value-of select="normalize-space(.)"/></xdomea:Kennung>
    </xdomea:Kommunikation>
  </xsl:template>
</xsl:stylesheet>
