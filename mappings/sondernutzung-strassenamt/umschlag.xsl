<?xml version="1.0" encoding="UTF-8"?>
<!--
  What messages to a Fachverfahren have in common: head, addresses, persons, list of attachments. The same file lies in
  every mapping that includes it; a test keeps the copies equal. A stylesheet that includes it says by the mode `betreff`
  what the subject of its data is.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                exclude-result-prefixes="hub f">

  <!-- Each section starts on a new line: readable without an indenting serialiser, which each engine would do
       differently. -->
  <xsl:variable name="nl" select="'&#10;'"/>

  <xsl:key name="genannte-anlage" match="anlagen/anlage" use="normalize-space(@name)"/>
  <xsl:key name="uebergebene-anlage" match="hub:attachment" use="normalize-space(@name)"/>

  <xsl:template match="/hub:envelope">
    <xsl:apply-templates select="hub:data/*"/>
  </xsl:template>

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
        <xsl:call-template name="gekuerzt">
          <xsl:with-param name="text"><xsl:apply-templates select="../hub:data/*" mode="betreff"/></xsl:with-param>
        </xsl:call-template>
      </betreff>
    </kopf>
  </xsl:template>

  <!-- At most 100 characters, as the Fachverfahren's field holds; what was cut ends in an ellipsis. -->
  <xsl:template name="gekuerzt">
    <xsl:param name="text"/>
    <xsl:choose>
      <xsl:when test="string-length($text) &gt; 100">
        <xsl:value-of select="concat(normalize-space(substring($text, 1, 99)), '…')"/>
      </xsl:when>
      <xsl:otherwise>
        <xsl:value-of select="$text"/>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- Persons -->

  <xsl:template match="natuerlichePerson">
    <person>
      <xsl:apply-templates select="anrede"/>
      <xsl:apply-templates select="titel | vorname | nachname | geburtsname | geburtsdatum" mode="kopie"/>
    </person>
  </xsl:template>

  <!-- `9`, without Anrede, has no word for it. -->
  <xsl:template match="anrede">
    <xsl:variable name="wort" select="f:code('anrede', normalize-space(.))"/>
    <xsl:if test="$wort != ''">
      <anrede><xsl:value-of select="$wort"/></anrede>
    </xsl:if>
  </xsl:template>

  <xsl:template match="organisation">
    <organisation>
      <xsl:apply-templates select="name | rechtsform | ansprechpartner" mode="kopie"/>
    </organisation>
  </xsl:template>

  <xsl:template match="kontakt">
    <xsl:apply-templates select="email | telefon" mode="kopie"/>
  </xsl:template>

  <!-- Addresses, as lines for an envelope -->

  <xsl:template match="anschrift | rechnungsanschrift">
    <xsl:element name="{local-name()}">
      <xsl:apply-templates select="inland | ausland"/>
    </xsl:element>
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
    <xsl:attribute name="staatName"><xsl:value-of select="f:code('staat', normalize-space(staat))"/></xsl:attribute>
    <xsl:apply-templates select="zeile" mode="kopie"/>
  </xsl:template>

  <!-- Anlagen: what was handed over, and what the data name but nobody handed over -->

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
