<?xml version="1.0" encoding="UTF-8"?>
<!--
  Sondernutzung: from the portal's application to the message for a road authority's Fachverfahren.

  Source: the hub's envelope with the application (source.xsd) in hub:data. Target: target.xsd.
  XSLT 1.0 with the code lists of the hub.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:sondernutzung="urn:rohrpost:beispiel:sondernutzung:1"
                xmlns:strassenamt="urn:rohrpost:beispiel:strassenamt:1"
                exclude-result-prefixes="hub f sondernutzung">

  <xsl:include href="umschlag.xsl"/>

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:template match="sondernutzung:antrag">
    <strassenamt:nachricht version="1.0">
      <xsl:apply-templates select="/hub:envelope/hub:submission"/>
      <xsl:apply-templates select="antragsteller | vorhaben | flaechen | verantwortliche/person"/>
      <xsl:call-template name="anlagen"/>
      <xsl:apply-templates select="erklaerungen"/>
      <xsl:value-of select="$nl"/>
    </strassenamt:nachricht>
  </xsl:template>

  <xsl:template match="sondernutzung:antrag" mode="betreff">
    <xsl:variable name="erste" select="flaechen/flaeche[1]"/>
    <xsl:value-of select="normalize-space(concat(f:code('art', normalize-space(vorhaben/art)), ' ', $erste/strasse, ' ',
                                                 $erste/hausnummer))"/>
  </xsl:template>

  <xsl:template match="antragsteller">
    <xsl:value-of select="$nl"/>
    <antragsteller>
      <xsl:apply-templates select="natuerlichePerson | organisation | anschrift | rechnungsanschrift"/>
      <xsl:apply-templates select="kontakt"/>
    </antragsteller>
  </xsl:template>

  <!-- Vorhaben -->

  <xsl:template match="vorhaben">
    <xsl:variable name="von"><xsl:apply-templates select="von" mode="tageszahl"/></xsl:variable>
    <xsl:variable name="bis"><xsl:apply-templates select="bis" mode="tageszahl"/></xsl:variable>
    <xsl:if test="$bis &lt; $von">
      <xsl:message terminate="yes">vorhaben/bis liegt vor vorhaben/von: der letzte Tag darf nicht vor dem ersten liegen</xsl:message>
    </xsl:if>
    <xsl:value-of select="$nl"/>
    <vorhaben>
      <xsl:apply-templates select="art"/>
      <tarif><xsl:value-of select="f:code('art', normalize-space(art), 'tarif')"/></tarif>
      <xsl:if test="beschreibung">
        <beschreibung><xsl:value-of select="beschreibung"/></beschreibung>
      </xsl:if>
      <xsl:apply-templates select="von | bis" mode="kopie"/>
      <tage><xsl:value-of select="$bis - $von + 1"/></tage>
      <xsl:if test="taeglich">
        <uhrzeit><xsl:value-of select="concat(normalize-space(taeglich/@von), '-', normalize-space(taeglich/@bis))"/></uhrzeit>
      </xsl:if>
      <anordnung>
        <xsl:value-of select="boolean(halteverbot[normalize-space(.) = 'true' or normalize-space(.) = '1']
                              | ../flaechen/flaeche/verkehrsraum[f:code('verkehrsraum', normalize-space(.), 'anordnung')
                                                                 = 'ja'])"/>
      </anordnung>
    </vorhaben>
  </xsl:template>

  <!-- The day's number since 1 March of the year 0, so that a leap day is the last of its year. -->
  <xsl:template match="*" mode="tageszahl">
    <xsl:variable name="datum" select="normalize-space(.)"/>
    <xsl:variable name="monat" select="(number(substring($datum, 6, 2)) + 9) mod 12"/>
    <xsl:variable name="jahr" select="number(substring($datum, 1, 4)) - number($monat &gt;= 10)"/>
    <xsl:value-of select="365 * $jahr + floor($jahr div 4) - floor($jahr div 100) + floor($jahr div 400)
                          + floor((153 * $monat + 2) div 5) + number(substring($datum, 9, 2))"/>
  </xsl:template>

  <!-- A code of the portal, with its name from the code list of the same name. -->
  <xsl:template match="art | verkehrsraum">
    <xsl:variable name="code" select="normalize-space(.)"/>
    <xsl:element name="{local-name()}">
      <xsl:attribute name="code"><xsl:value-of select="$code"/></xsl:attribute>
      <xsl:value-of select="f:code(local-name(), $code)"/>
    </xsl:element>
  </xsl:template>

  <!-- Flächen. Square metres are products of decimals of two places; the sum is rounded once, not its parts. -->

  <xsl:template match="flaechen">
    <xsl:variable name="summe">
      <xsl:call-template name="quadratmeter">
        <xsl:with-param name="flaechen" select="flaeche"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:value-of select="$nl"/>
    <flaechen anzahl="{count(flaeche)}" quadratmeter="{format-number(round($summe div 100) div 100, '0.00')}">
      <xsl:apply-templates select="flaeche">
        <xsl:sort select="@nummer" data-type="number"/>
      </xsl:apply-templates>
    </flaechen>
  </xsl:template>

  <!-- In square centimetres, which are whole numbers: exact, so that halves are rounded alike everywhere. -->
  <xsl:template name="quadratmeter">
    <xsl:param name="flaechen"/>
    <xsl:choose>
      <xsl:when test="$flaechen">
        <xsl:variable name="rest">
          <xsl:call-template name="quadratmeter">
            <xsl:with-param name="flaechen" select="$flaechen[position() &gt; 1]"/>
          </xsl:call-template>
        </xsl:variable>
        <xsl:value-of select="round($flaechen[1]/laenge * 100) * round($flaechen[1]/breite * 100) + $rest"/>
      </xsl:when>
      <xsl:otherwise>0</xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template match="flaeche">
    <xsl:value-of select="$nl"/>
    <flaeche nummer="{normalize-space(@nummer)}">
      <strasse><xsl:value-of select="normalize-space(concat(strasse, ' ', hausnummer))"/></strasse>
      <xsl:apply-templates select="ortsteil | lage" mode="kopie"/>
      <xsl:apply-templates select="flurstueck"/>
      <xsl:apply-templates select="verkehrsraum"/>
      <laenge><xsl:value-of select="format-number(laenge, '0.00')"/></laenge>
      <breite><xsl:value-of select="format-number(breite, '0.00')"/></breite>
      <quadratmeter>
        <xsl:value-of select="format-number(round(round(laenge * 100) * round(breite * 100) div 100) div 100, '0.00')"/>
      </quadratmeter>
      <xsl:if test="restbreite">
        <restbreite><xsl:value-of select="format-number(restbreite, '0.00')"/></restbreite>
      </xsl:if>
    </flaeche>
  </xsl:template>

  <!-- The Flurstückskennzeichen of ALKIS (GeoInfoDok, AX_Flurstueck): fixed width, missing parts filled with "_". -->
  <xsl:template match="flurstueck">
    <kennzeichen>
      <xsl:value-of select="normalize-space(gemarkung/@schluessel)"/>
      <xsl:choose>
        <xsl:when test="flur"><xsl:value-of select="format-number(flur, '000')"/></xsl:when>
        <xsl:otherwise>___</xsl:otherwise>
      </xsl:choose>
      <xsl:value-of select="format-number(zaehler, '00000')"/>
      <xsl:choose>
        <xsl:when test="nenner"><xsl:value-of select="format-number(nenner, '0000')"/></xsl:when>
        <xsl:otherwise>____</xsl:otherwise>
      </xsl:choose>
      <xsl:text>__</xsl:text>
    </kennzeichen>
  </xsl:template>

  <xsl:template match="verantwortliche/person">
    <xsl:value-of select="$nl"/>
    <verantwortlich>
      <name><xsl:value-of select="normalize-space(concat(vorname, ' ', nachname))"/></name>
      <xsl:apply-templates select="funktion | telefon" mode="kopie"/>
    </verantwortlich>
  </xsl:template>
</xsl:stylesheet>
