<?xml version="1.0" encoding="UTF-8"?>
<!--
  Urkundenbestellung: from the portal's order to the index data of a document in enaio, as `documents/insert` of osrest takes
  it in its part "data". Source: the hub's envelope with the order (source.xsd) in hub:data. Target: JSON.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:urkunde="urn:rohrpost:beispiel:urkunde:1"
                exclude-result-prefixes="f urkunde">

  <xsl:include href="felder.xsl"/>

  <xsl:template match="urkunde:bestellung" mode="felder">
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Betreff'"/>
      <xsl:with-param name="text">
        <xsl:call-template name="test"/>
        <xsl:text>Urkundenbestellung </xsl:text>
        <xsl:apply-templates select="urkunden/urkunde[1]/person[1]"/>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Antragsteller'"/>
      <xsl:with-param name="text"><xsl:apply-templates select="besteller/natuerlichePerson | besteller/organisation"/></xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Urkunden'"/>
      <xsl:with-param name="text"><xsl:apply-templates select="urkunden/urkunde"/></xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Betrag'"/>
      <xsl:with-param name="text"><xsl:apply-templates select="zahlung"/></xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Bemerkung'"/>
      <xsl:with-param name="text" select="bemerkung"/>
      <xsl:with-param name="laenge" select="2000"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="urkunde/person">
    <xsl:value-of select="normalize-space(nachname)"/>
    <xsl:if test="vorname">
      <xsl:value-of select="concat(', ', normalize-space(vorname))"/>
    </xsl:if>
  </xsl:template>

  <!-- For instance `2 × Geburtsurkunde; 1 × Eheurkunde`. -->
  <xsl:template match="urkunde">
    <xsl:if test="position() &gt; 1"><xsl:text>; </xsl:text></xsl:if>
    <xsl:value-of select="concat(normalize-space(anzahl), ' × ', f:code('urkundenart', normalize-space(art)))"/>
  </xsl:template>

  <xsl:template match="zahlung">
    <xsl:value-of select="concat(f:number-de(normalize-space(betrag), 2), ' EUR')"/>
  </xsl:template>
</xsl:stylesheet>
