<?xml version="1.0" encoding="UTF-8"?>
<!-- What transforms of this kind do: rename, look up by key, format, sort, sum up. XSLT 1.0 without extensions. -->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:fest="urn:rohrpost:bench:strassenfest:1"
                xmlns:gewerbe="urn:rohrpost:bench:gewerbe:1"
                exclude-result-prefixes="fest">

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:param name="submission-id" select="''"/>
  <xsl:param name="case" select="''"/>
  <xsl:param name="received-at" select="''"/>

  <xsl:key name="art" match="arten/art" use="@code"/>

  <xsl:template match="/fest:anzeige">
    <gewerbe:nachricht version="1.0">
      <kopf id="{$submission-id}" vorgang="{$case}" eingang="{$received-at}" kennung="{kennung}"/>
      <xsl:apply-templates select="veranstalter | fest"/>
      <staende anzahl="{count(staende/stand)}" flaeche="{format-number(sum(staende/stand/flaeche), '0.00')}">
        <xsl:apply-templates select="staende/stand">
          <xsl:sort select="betreiber/name"/>
          <xsl:sort select="@nummer" data-type="number"/>
        </xsl:apply-templates>
      </staende>
    </gewerbe:nachricht>
  </xsl:template>

  <xsl:template match="veranstalter">
    <antragsteller>
      <name><xsl:value-of select="concat(normalize-space(vorname), ' ', normalize-space(nachname))"/></name>
      <anschrift><xsl:value-of select="concat(strasse, ', ', plz, ' ', ort)"/></anschrift>
      <email><xsl:value-of select="email"/></email>
    </antragsteller>
  </xsl:template>

  <xsl:template match="fest">
    <veranstaltung beginn="{beginn}" ende="{ende}"><xsl:value-of select="normalize-space(titel)"/></veranstaltung>
  </xsl:template>

  <xsl:template match="stand">
    <stand nummer="{@nummer}" art="{key('art', art)/@name}" flaeche="{format-number(flaeche, '0.00')}">
      <xsl:attribute name="anschluss">
        <xsl:choose>
          <xsl:when test="strom &gt; 3.6">Drehstrom</xsl:when>
          <xsl:when test="strom &gt; 0">Wechselstrom</xsl:when>
          <xsl:otherwise>keiner</xsl:otherwise>
        </xsl:choose>
      </xsl:attribute>
      <betreiber><xsl:value-of select="normalize-space(betreiber/name)"/></betreiber>
      <xsl:if test="wasser = 'true'"><wasser/></xsl:if>
      <xsl:if test="bemerkung"><hinweis><xsl:value-of select="normalize-space(bemerkung)"/></hinweis></xsl:if>
    </stand>
  </xsl:template>
</xsl:stylesheet>
