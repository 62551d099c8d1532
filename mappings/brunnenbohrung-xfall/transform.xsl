<?xml version="1.0" encoding="UTF-8"?>
<!--
  Anzeige einer Brunnenbohrung: from the portal's notice to the message for the water authority's Fachverfahren.

  Source: the hub's envelope with the notice (source.xsd) in hub:data. Target: target.xsd.
  XSLT 1.0 without extensions, so that every engine gives the same result. Values are normalised before they are
  written, because a schema validator forgives the white space around a token that a Fachverfahren does not.
  Each section of the message starts on a new line ($nl): the output stays readable without an indenting serialiser,
  which each engine would do differently.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:brunnenbohrung="urn:rohrpost:beispiel:brunnenbohrung:1"
                xmlns:wasserbehoerde="urn:rohrpost:beispiel:wasserbehoerde:1"
                exclude-result-prefixes="hub brunnenbohrung">

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <!-- A bore deeper than this, in metres, involves the state's geological survey. -->
  <xsl:param name="lagb-ab-tiefe" select="'100'"/>

  <xsl:variable name="nl" select="'&#10;'"/>

  <xsl:key name="genannte-anlage" match="anlagen/anlage" use="normalize-space(@name)"/>
  <xsl:key name="uebergebene-anlage" match="hub:attachment" use="normalize-space(@name)"/>
  <xsl:key name="eingezeichnet" match="lageplan/bohrung" use="normalize-space(@ref)"/>

  <xsl:template match="/hub:envelope">
    <xsl:apply-templates select="hub:data/brunnenbohrung:anzeige"/>
  </xsl:template>

  <xsl:template match="brunnenbohrung:anzeige">
    <wasserbehoerde:nachricht version="1.0">
      <xsl:apply-templates select="/hub:envelope/hub:submission"/>
      <xsl:apply-templates select="antragsteller | grundstueck | vorhaben"/>
      <xsl:call-template name="anlagen"/>
      <xsl:apply-templates select="erklaerungen"/>
      <xsl:value-of select="$nl"/>
    </wasserbehoerde:nachricht>
  </xsl:template>

  <!-- Kopf -->

  <xsl:template match="hub:submission">
    <xsl:value-of select="$nl"/>
    <kopf>
      <nachrichtenId><xsl:value-of select="@id"/></nachrichtenId>
      <vorgang><xsl:value-of select="@case"/></vorgang>
      <eingang><xsl:value-of select="@received-at"/></eingang>
      <art><xsl:value-of select="@kind"/></art>
      <leistung><xsl:value-of select="@service"/></leistung>
      <ars><xsl:value-of select="@area"/></ars>
      <mandant><xsl:value-of select="@tenant"/></mandant>
      <test><xsl:value-of select="@test"/></test>
      <betreff>
        <xsl:apply-templates select="../hub:data/brunnenbohrung:anzeige" mode="betreff"/>
      </betreff>
    </kopf>
  </xsl:template>

  <!-- At most 100 characters, as the Fachverfahren's field holds. -->
  <xsl:template match="brunnenbohrung:anzeige" mode="betreff">
    <xsl:variable name="flurstueck">
      <xsl:apply-templates select="grundstueck/flurstueck" mode="nummer"/>
    </xsl:variable>
    <xsl:variable name="betreff" select="concat('Bohranzeige Flurstück ', $flurstueck, ', Flur ',
                                                number(grundstueck/flur), ', Gemarkung ',
                                                normalize-space(grundstueck/gemarkung))"/>
    <xsl:choose>
      <xsl:when test="string-length($betreff) &gt; 100">
        <xsl:value-of select="concat(normalize-space(substring($betreff, 1, 99)), '…')"/>
      </xsl:when>
      <xsl:otherwise>
        <xsl:value-of select="$betreff"/>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- Antragsteller -->

  <xsl:template match="antragsteller">
    <xsl:value-of select="$nl"/>
    <antragsteller>
      <xsl:apply-templates select="natuerlichePerson | organisation | anschrift | kontakt/* | vertretung"/>
    </antragsteller>
  </xsl:template>

  <xsl:template match="natuerlichePerson">
    <person>
      <xsl:apply-templates select="anrede | titel | vorname | nachname | geburtsdatum" mode="kopie"/>
    </person>
  </xsl:template>

  <xsl:template match="organisation">
    <organisation>
      <xsl:apply-templates select="name | rechtsform | registernummer | ansprechpartner" mode="kopie"/>
    </organisation>
  </xsl:template>

  <xsl:template match="kontakt/email | kontakt/telefon">
    <xsl:apply-templates select="." mode="kopie"/>
  </xsl:template>

  <xsl:template match="vertretung">
    <vertretung>
      <xsl:apply-templates select="name" mode="kopie"/>
      <xsl:apply-templates select="kontakt/*"/>
      <vollmacht>
        <xsl:if test="vollmacht/@datum">
          <xsl:attribute name="datum"><xsl:value-of select="normalize-space(vollmacht/@datum)"/></xsl:attribute>
        </xsl:if>
        <xsl:value-of select="normalize-space(vollmacht/@anlage)"/>
      </vollmacht>
    </vertretung>
  </xsl:template>

  <xsl:template match="anschrift">
    <anschrift>
      <xsl:apply-templates select="inland | ausland"/>
    </anschrift>
  </xsl:template>

  <xsl:template match="inland">
    <xsl:attribute name="staat">DE</xsl:attribute>
    <xsl:if test="zusatz">
      <zeile><xsl:value-of select="normalize-space(zusatz)"/></zeile>
    </xsl:if>
    <zeile><xsl:value-of select="concat(normalize-space(strasse), ' ', normalize-space(hausnummer))"/></zeile>
    <zeile><xsl:value-of select="concat(normalize-space(plz), ' ', normalize-space(ort))"/></zeile>
  </xsl:template>

  <xsl:template match="ausland">
    <xsl:attribute name="staat"><xsl:value-of select="normalize-space(staat)"/></xsl:attribute>
    <xsl:apply-templates select="zeile" mode="kopie"/>
  </xsl:template>

  <!-- Grundstück -->

  <xsl:template match="grundstueck">
    <xsl:value-of select="$nl"/>
    <grundstueck>
      <kennzeichen><xsl:call-template name="flurstueckskennzeichen"/></kennzeichen>
      <xsl:apply-templates select="gemarkung" mode="kopie"/>
      <xsl:apply-templates select="flur" mode="kopie"/>
      <flurstueck><xsl:apply-templates select="flurstueck" mode="nummer"/></flurstueck>
      <xsl:apply-templates select="koordinaten"/>
      <xsl:apply-templates select="lage | wasserschutzgebiet" mode="kopie"/>
    </grundstueck>
  </xsl:template>

  <!-- The Flurstückskennzeichen of ALKIS (GeoInfoDok, AX_Flurstueck): fixed width, missing parts filled with "_". -->
  <xsl:template name="flurstueckskennzeichen">
    <xsl:value-of select="normalize-space(gemarkung/@schluessel)"/>
    <xsl:value-of select="format-number(flur, '000')"/>
    <xsl:value-of select="format-number(flurstueck/zaehler, '00000')"/>
    <xsl:choose>
      <xsl:when test="flurstueck/nenner">
        <xsl:value-of select="format-number(flurstueck/nenner, '0000')"/>
      </xsl:when>
      <xsl:otherwise>____</xsl:otherwise>
    </xsl:choose>
    <xsl:text>__</xsl:text>
  </xsl:template>

  <xsl:template match="flurstueck" mode="nummer">
    <xsl:value-of select="normalize-space(zaehler)"/>
    <xsl:if test="nenner">
      <xsl:value-of select="concat('/', normalize-space(nenner))"/>
    </xsl:if>
  </xsl:template>

  <xsl:template match="koordinaten">
    <koordinaten system="{normalize-space(@system)}"
                 ost="{format-number(ost, '0.000')}"
                 nord="{format-number(nord, '0.000')}"/>
  </xsl:template>

  <!-- Vorhaben -->

  <xsl:template match="vorhaben">
    <xsl:value-of select="$nl"/>
    <vorhaben>
      <zweck code="{normalize-space(zweck)}"><xsl:apply-templates select="zweck" mode="bezeichnung"/></zweck>
      <xsl:if test="erlaeuterung">
        <erlaeuterung><xsl:value-of select="erlaeuterung"/></erlaeuterung>
      </xsl:if>
      <xsl:apply-templates select="beginn" mode="kopie"/>
      <lagbBeteiligung>
        <xsl:value-of select="boolean(bohrungen/bohrung[number(tiefe) &gt; number($lagb-ab-tiefe)])"/>
      </lagbBeteiligung>
      <xsl:apply-templates select="bohrungen | bohrunternehmen"/>
    </vorhaben>
  </xsl:template>

  <xsl:template match="zweck" mode="bezeichnung">
    <xsl:variable name="code" select="normalize-space(.)"/>
    <xsl:choose>
      <xsl:when test="$code = 'gartenbewaesserung'">Gartenbewässerung</xsl:when>
      <xsl:when test="$code = 'trinkwasser'">Trinkwasser-Eigenversorgung</xsl:when>
      <xsl:when test="$code = 'brauchwasser'">Brauchwasser für Gewerbe oder Industrie</xsl:when>
      <xsl:when test="$code = 'landwirtschaft'">Beregnung oder Viehtränke in der Landwirtschaft</xsl:when>
      <xsl:when test="$code = 'erdwaerme'">Erdwärmesonde</xsl:when>
      <xsl:when test="$code = 'loeschwasser'">Löschwasserbrunnen</xsl:when>
      <xsl:when test="$code = 'messstelle'">Grundwassermessstelle</xsl:when>
      <xsl:when test="$code = 'baugrund'">Baugrunduntersuchung</xsl:when>
      <xsl:otherwise>Sonstiger Zweck</xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- Depths are decimals of two places; a sum of binary fractions is rounded back to two. -->
  <xsl:template match="bohrungen">
    <xsl:variable name="groesste">
      <xsl:for-each select="bohrung">
        <xsl:sort select="tiefe" data-type="number" order="descending"/>
        <xsl:if test="position() = 1"><xsl:value-of select="tiefe"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <bohrungen anzahl="{count(bohrung)}"
               summeTiefe="{format-number(sum(bohrung/tiefe), '0.00')}"
               groessteTiefe="{format-number(number($groesste), '0.00')}">
      <xsl:apply-templates select="bohrung">
        <xsl:sort select="@nummer" data-type="number"/>
      </xsl:apply-templates>
    </bohrungen>
  </xsl:template>

  <xsl:template match="bohrungen/bohrung">
    <xsl:value-of select="$nl"/>
    <bohrung nummer="{normalize-space(@nummer)}" imLageplan="{boolean(key('eingezeichnet', normalize-space(@id)))}">
      <tiefe><xsl:value-of select="format-number(tiefe, '0.00')"/></tiefe>
      <xsl:apply-templates select="durchmesser" mode="kopie"/>
      <xsl:choose>
        <xsl:when test="koordinaten">
          <xsl:apply-templates select="koordinaten"/>
        </xsl:when>
        <xsl:otherwise>
          <xsl:apply-templates select="../../../grundstueck/koordinaten"/>
        </xsl:otherwise>
      </xsl:choose>
    </bohrung>
  </xsl:template>

  <xsl:template match="bohrunternehmen">
    <xsl:value-of select="$nl"/>
    <bohrunternehmen>
      <xsl:apply-templates select="name" mode="kopie"/>
      <xsl:apply-templates select="anschrift | zertifikat"/>
    </bohrunternehmen>
  </xsl:template>

  <!-- Dates in ISO order compare as numbers once their hyphens are gone. -->
  <xsl:template match="zertifikat">
    <xsl:variable name="ende" select="number(translate(normalize-space(gueltigBis), '-', ''))"/>
    <xsl:variable name="beginn" select="number(translate(normalize-space(../../beginn), '-', ''))"/>
    <zertifikat regelwerk="{normalize-space(@regelwerk)}"
                gueltigBis="{normalize-space(gueltigBis)}"
                gueltigBeiBeginn="{$ende &gt;= $beginn}">
      <xsl:value-of select="normalize-space(nummer)"/>
    </zertifikat>
  </xsl:template>

  <!-- Anlagen: what was handed over, and what the notice names but nobody handed over. -->

  <xsl:template name="anlagen">
    <xsl:variable name="uebergeben" select="/hub:envelope/hub:attachments/hub:attachment"/>
    <xsl:value-of select="$nl"/>
    <anlagen anzahl="{count($uebergeben)}">
      <xsl:apply-templates select="$uebergeben">
        <xsl:sort select="@number" data-type="number"/>
      </xsl:apply-templates>
      <xsl:apply-templates select="anlagen/anlage[not(key('uebergebene-anlage', normalize-space(@name)))]"/>
    </anlagen>
  </xsl:template>

  <xsl:template match="hub:attachment">
    <xsl:variable name="genannt" select="key('genannte-anlage', normalize-space(@name))"/>
    <xsl:value-of select="$nl"/>
    <anlage nummer="{@number}" name="{@name}">
      <xsl:attribute name="art">
        <xsl:choose>
          <xsl:when test="$genannt"><xsl:value-of select="normalize-space($genannt/@art)"/></xsl:when>
          <xsl:otherwise>sonstiges</xsl:otherwise>
        </xsl:choose>
      </xsl:attribute>
      <xsl:attribute name="medientyp"><xsl:value-of select="@media-type"/></xsl:attribute>
      <xsl:attribute name="groesse"><xsl:value-of select="@size"/></xsl:attribute>
      <xsl:attribute name="sha256"><xsl:value-of select="@sha256"/></xsl:attribute>
    </anlage>
  </xsl:template>

  <xsl:template match="anlagen/anlage">
    <xsl:value-of select="$nl"/>
    <fehlt name="{normalize-space(@name)}" art="{normalize-space(@art)}"/>
  </xsl:template>

  <!-- Erklärungen -->

  <xsl:template match="erklaerungen">
    <xsl:variable name="elektronisch" select="normalize-space(elektronischeKommunikation)"/>
    <xsl:value-of select="$nl"/>
    <erklaerungen richtigkeit="{normalize-space(richtigkeit)}"
                  datenverarbeitung="{normalize-space(datenverarbeitung)}"
                  elektronischeKommunikation="{$elektronisch = 'true' or $elektronisch = '1'}"/>
  </xsl:template>

  <!-- The element again, under the same name, with its text normalised and without its attributes. -->
  <xsl:template match="*" mode="kopie">
    <xsl:element name="{local-name()}"><xsl:value-of select="normalize-space(.)"/></xsl:element>
  </xsl:template>
</xsl:stylesheet>
