<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" exclude-result-prefixes="a"
    xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:a="urn:beispiel:{{name}}:antrag:1"
    xmlns="urn:beispiel:{{name}}:nachricht:1">
  <!-- Vom Hub: Vorgang und Eingang der Einreichung. -->
  <xsl:param name="case"/>
  <xsl:param name="received-at"/>

  <xsl:template match="/a:antrag">
    <nachricht vorgang="{$case}" eingang="{$received-at}">
      <antragsteller><xsl:value-of select="normalize-space(concat(a:vorname, ' ', a:nachname))"/></antragsteller>
      <anliegen><xsl:value-of select="normalize-space(a:anliegen)"/></anliegen>
    </nachricht>
  </xsl:template>
</xsl:stylesheet>
